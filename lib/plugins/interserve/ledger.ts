import type { PeerHandle } from '../../bus/plugin.ts';
import type { BusError } from '../../base/errors.ts';
import type { Way } from './control.ts';
import type { Transfer } from './transfer.ts';

/** The transfers that are not over: by endpoint for requests, by peer and number for control messages. */
export class Ledger {
  readonly #byTag = new Map<string, Transfer>();
  readonly #byPeer = new Map<PeerHandle, Map<string, Transfer>>();

  get size(): number {
    return this.#byTag.size;
  }

  /** Keeps the transfer until it ends. False if the peer has one of this number already. */
  enter(transfer: Transfer): boolean {
    const { peer } = transfer.account;
    const name = nameOf(transfer.way, transfer.number);
    const own = this.#byPeer.get(peer) ?? new Map<string, Transfer>();
    if (own.has(name)) return false;
    own.set(name, transfer);
    this.#byPeer.set(peer, own);
    this.#byTag.set(transfer.endpoint.tag, transfer);
    transfer.signal.addEventListener('abort', () => {
      this.#byTag.delete(transfer.endpoint.tag);
      own.delete(name);
      if (own.size === 0 && this.#byPeer.get(peer) === own) this.#byPeer.delete(peer);
    });
    return true;
  }

  byTag(tag: string): Transfer | undefined {
    return this.#byTag.get(tag);
  }

  find(peer: PeerHandle, way: Way, number: number): Transfer | undefined {
    return this.#byPeer.get(peer)?.get(nameOf(way, number));
  }

  /** Ends every transfer that `chosen` says yes to. */
  fail(error: BusError, chosen: (transfer: Transfer) => boolean = () => true): void {
    for (const transfer of [...this.#byTag.values()]) if (chosen(transfer)) transfer.fail(error);
  }
}

function nameOf(way: Way, number: number): string {
  return `${way} ${number}`;
}
