import type { Readable } from 'node:stream';
import { BusError } from '../../base/errors.ts';
import { GuardedEmitter } from '../../base/emitter.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import { type AddOptions, checkCallback, checkId, type Handshake } from './endpoint-registry.ts';
import type { TransferHandle } from './handle.ts';
import type { Interrupt } from './http/door.ts';
import type { Receipt } from './intake.ts';
import type { Offers } from './offers.ts';
import { transferError } from './outcomes.ts';
import type { Sendable } from './payload/open-payload.ts';
import type { EndpointStats, TransferRecord } from './profile.ts';
import type { ReceiveAs, ReceiveOptions, TransferInfo } from './receivers.ts';
import type { ServerCore } from './server-core.ts';

type Receive<Data> = (data: Data, peer: PeerHandle, info: TransferInfo) => unknown;

export interface TransferEvents {
  /** Every transfer that is over, whatever came of it. */
  transfer(record: TransferRecord): unknown;
}

/** The server side of interserve: what `server.use(interserve())` returns. */
export class ServerTransfers extends GuardedEmitter<TransferEvents> {
  readonly #core: ServerCore;
  readonly #offers: Offers;
  readonly #peers: () => Iterable<PeerHandle>;
  readonly #port: () => number | undefined;

  constructor(core: ServerCore, offers: Offers, peers: () => Iterable<PeerHandle>, port: () => number | undefined) {
    super((error) => core.report(error));
    this.#core = core;
    this.#offers = offers;
    this.#peers = peers;
    this.#port = port;
  }

  /** The HTTP port in use, once the server has started; undefined when the bus's port is shared. */
  get port(): number | undefined {
    return this.#port();
  }

  /** Registers an endpoint id; nothing is transferred without one. Adding it again changes its options. */
  add(id: string, options?: AddOptions): void {
    this.#core.registry.add(id, options);
  }

  /** Removes an endpoint id with its figures; its transfers end with 410. Its callbacks stay. False if there was none. */
  remove(id: string): boolean {
    const existed = this.#core.registry.remove(id);
    this.#core.ledger.fail(transferError('gone'), (transfer) => transfer.content.id === id);
    this.#core.profile.forget(id);
    return existed;
  }

  exists(id: string): boolean {
    return this.#core.registry.exists(id);
  }

  /** Sets the callback for uploads on `id`, which may be added later; without a callback, removes it. */
  receive(id: string, callback: Receive<Readable>, options: ReceiveOptions & { as: 'stream' }): void;
  receive(id: string, callback: Receive<string>, options: ReceiveOptions & { as: 'file' }): void;
  receive(id: string, callback?: Receive<string | Buffer>, options?: ReceiveOptions & { as?: 'value' }): void;
  receive(id: string, callback?: Receive<never>, options?: ReceiveOptions & { as?: ReceiveAs }): void {
    checkId(id);
    checkCallback(callback);
    const deliver = callback as Receive<unknown> | undefined;
    this.#core.receivers.set(id, deliver && ((data, info, peer) => deliver(data, peer, info)), options);
  }

  /** Called for each request of a transfer on `id`, up or down; false answers it 403 and ends the transfer. */
  interrupt(id: string, callback?: Interrupt): void {
    this.#core.registry.interrupt(id, callback);
  }

  /** Called before each upload on `id`; false refuses it. */
  handshake(id: string, callback?: Handshake): void {
    this.#core.registry.handshake(id, callback);
  }

  /**
   * Sends `data` to one peer or to several. Bytes are not copied: they must stay as they are until the receipt.
   * @throws BusError `ERR_INVALID_ARGUMENT` for data that cannot be sent.
   */
  send(id: string, data: Sendable, peer: PeerHandle): TransferHandle<Receipt>;
  send(id: string, data: Sendable, peers: readonly PeerHandle[]): TransferHandle<PromiseSettledResult<Receipt>[]>;
  send(
    id: string,
    data: Sendable,
    to: PeerHandle | readonly PeerHandle[],
  ): TransferHandle<Receipt> | TransferHandle<PromiseSettledResult<Receipt>[]> {
    checkId(id);
    if (isList(to)) return this.#offers.send(id, data, [...new Set(to)], (all) => Promise.allSettled(all));
    if (typeof to !== 'object' || to === null)
      throw new BusError('ERR_INVALID_ARGUMENT', 'There is no peer to send to');
    return this.#offers.send(id, data, [to], only);
  }

  /** Sends `data` to every peer connected now. */
  broadcast(id: string, data: Sendable): TransferHandle<PromiseSettledResult<Receipt>[]> {
    return this.send(id, data, [...this.#peers()]);
  }

  /** Sends `data` to every peer connected now but `ignore`. */
  omit(
    id: string,
    data: Sendable,
    ignore: PeerHandle | readonly PeerHandle[],
  ): TransferHandle<PromiseSettledResult<Receipt>[]> {
    const left = new Set(isList(ignore) ? ignore : [ignore]);
    return this.send(
      id,
      data,
      [...this.#peers()].filter((peer) => !left.has(peer)),
    );
  }

  /** What happened so far, keyed by endpoint id. */
  stats(): Record<string, EndpointStats> {
    return this.#core.profile.stats();
  }
}

function isList(peers: PeerHandle | readonly PeerHandle[]): peers is readonly PeerHandle[] {
  return Array.isArray(peers);
}

async function only(receipts: readonly Promise<Receipt>[]): Promise<Receipt> {
  const [receipt] = receipts;
  if (receipt === undefined) throw transferError('left');
  return receipt;
}
