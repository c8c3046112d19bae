import type { Readable } from 'node:stream';
import { GuardedEmitter } from '../../base/emitter.ts';
import type { ClientCore, FailureCallback } from './client-core.ts';
import { checkCallback, checkId, setCallback } from './endpoint-registry.ts';
import type { TransferHandle } from './handle.ts';
import type { Receipt } from './intake.ts';
import type { Sendable } from './payload/open-payload.ts';
import type { EndpointStats } from './profile.ts';
import type { Pushes } from './pushes.ts';
import type { ReceiveAs, ReceiveOptions, TransferInfo } from './receivers.ts';
import type { TransferEvents } from './server-transfers.ts';

type Receive<Data> = (data: Data, info: TransferInfo) => unknown;

/** The client side of interserve: what `client.use(interserve())` returns. */
export class ClientTransfers extends GuardedEmitter<TransferEvents> {
  readonly #core: ClientCore;
  readonly #pushes: Pushes;

  constructor(core: ClientCore, pushes: Pushes) {
    super((error) => core.around.report(error));
    this.#core = core;
    this.#pushes = pushes;
  }

  /** Sets the callback for what the server sends on `id`; without a callback, removes it. */
  receive(id: string, callback: Receive<Readable>, options: ReceiveOptions & { as: 'stream' }): void;
  receive(id: string, callback: Receive<string>, options: ReceiveOptions & { as: 'file' }): void;
  receive(id: string, callback?: Receive<string | Buffer>, options?: ReceiveOptions & { as?: 'value' }): void;
  receive(id: string, callback?: Receive<never>, options?: ReceiveOptions & { as?: ReceiveAs }): void {
    checkId(id);
    checkCallback(callback);
    const deliver = callback as Receive<unknown> | undefined;
    this.#core.receivers.set(id, deliver && ((data, info) => deliver(data, info)), options);
  }

  /**
   * Sends `data` to the server; before the client is ready the transfer waits. Bytes are not copied: they must stay as
   * they are until the receipt.
   * @throws BusError `ERR_INVALID_ARGUMENT` for data that cannot be sent.
   */
  send(id: string, data: Sendable): TransferHandle<Receipt> {
    checkId(id);
    return this.#pushes.send(id, data);
  }

  /** Sets the callback for transfers on `id` that failed, both ways; without a callback, removes it. */
  failure(id: string, callback?: FailureCallback): void {
    checkId(id);
    setCallback(this.#core.failures, id, callback);
  }

  /** What happened so far, keyed by endpoint id. */
  stats(): Record<string, EndpointStats> {
    return this.#core.profile.stats();
  }
}
