import type { IncomingMessage } from 'node:http';
import proxyAddress from 'proxy-addr';
import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/thrown.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import { hostsOf } from '../../transport/websocket-handshake.ts';
import { transferError } from './outcomes.ts';
import { plainAddress, type Way } from './protocol.ts';
import type { Transfer } from './transfers/transfer.ts';
import type { TransferTable } from './transfers/transfer-table.ts';

const waysOf: Readonly<Record<string, readonly Way[]>> = {
  GET: ['down'],
  HEAD: ['down', 'up'],
  PUT: ['up'],
  POST: ['up'],
};

/** Every check of a request before its body is read or anything changes for it. */
export class RequestAuth {
  readonly #table: TransferTable;
  readonly #trust: (address: string, hop: number) => boolean;
  readonly #known: (request: IncomingMessage) => void;

  /**
   * `known` is called for each request that is a peer's. Throws `ERR_INVALID_OPTION` for proxies that are neither addresses
   * nor subnets.
   */
  constructor(table: TransferTable, known: (request: IncomingMessage) => void) {
    this.#table = table;
    this.#trust = trustOf(table.options.trusted);
    this.#known = known;
  }

  /** Resolves with the transfer of the request; rejects with the failure to answer. */
  async admit(request: IncomingMessage): Promise<Transfer> {
    if (hostsOf(request) > 1) throw transferError('malformed');
    const method = request.method ?? '';
    const ways = Object.hasOwn(waysOf, method) ? waysOf[method] : undefined;
    if (ways === undefined) throw transferError('method');
    const [path = ''] = (request.url ?? '').split('?', 1);
    const tag = this.#table.tagOf(path);
    if (tag === undefined) throw transferError('unknown');
    const owner = this.#table.ownerOf(bearerOf(request));
    if (owner === undefined) throw transferError('unauthorized');
    const address = proxyAddress(request, this.#trust);
    if (!this.#comesFrom(address, owner.peer)) throw transferError('unauthorized');
    this.#known(request);
    const transfer = this.#table.byTag(tag);
    if (transfer === undefined) throw transferError('gone');
    if (transfer.owner !== owner) throw transferError('foreign');
    if (!ways.includes(transfer.way)) throw transferError('method');
    if (method !== 'HEAD') await this.#askInterrupt(transfer, request, address);
    return transfer;
  }

  async #askInterrupt(transfer: Transfer, request: IncomingMessage, address: string): Promise<void> {
    const { id, size } = transfer.content;
    const interrupt = this.#table.registry.interrupts.of(id);
    if (interrupt === undefined) return;
    const { method = '', headers } = request;
    const shown = { id, way: transfer.way, method, size, address, headers };
    let verdict: unknown;
    try {
      // A callback that never decides must not hold the request of a transfer that ended.
      const asked = transfer.within(() => interrupt(transfer.owner.peer, shown));
      verdict = await Promise.race([asked, transfer.ended]);
    } catch (error) {
      if (transfer.over) throw error;
      const failure = transferError('failed', textOf(error), error);
      transfer.fail(failure);
      throw failure;
    }
    if (verdict !== false) return;
    const failure = transferError('interrupted');
    transfer.fail(failure);
    throw failure;
  }

  #comesFrom(address: string, peer: PeerHandle): boolean {
    if (!this.#table.options.bindAddress) return true;
    const own = plainAddress(peer.remoteAddress);
    return own === undefined || own === plainAddress(address);
  }
}

function trustOf(trusted: readonly string[]): (address: string, hop: number) => boolean {
  try {
    return proxyAddress.compile([...trusted]);
  } catch (error) {
    const why = textOf(error);
    throw new BusError('ERR_INVALID_OPTION', `interserve option "trusted": ${why}`, { cause: error });
  }
}

function bearerOf(request: IncomingMessage): string {
  return /^Bearer ([A-Za-z0-9_-]{1,64})$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
}
