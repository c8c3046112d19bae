import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { GuardedEmitter } from '../../base/emitter.ts';
import type { BusError } from '../../base/errors.ts';
import { guarded } from '../../base/handling.ts';
import { resolveOptions } from '../../base/options.ts';
import type { Lane, PluginHost, PluginInstance } from '../../bus/plugin.ts';
import { ClientCore } from './client-core.ts';
import { DownloadClient } from './download/client.ts';
import {
  Callbacks,
  checkCallback,
  checkId,
  type ReceiveAs,
  type ReceiveOptions,
  type TransferInfo,
} from './endpoint-registry.ts';
import { EndpointError } from './http/failure.ts';
import { clientOptionTable, type InterserveOptions } from './options.ts';
import { failureOf, outcomes, transferError } from './outcomes.ts';
import type { Sendable } from './payload/sendable.ts';
import { type EndpointStats, Profile } from './profile.ts';
import { readControl, type Receipt } from './protocol.ts';
import type { TransferEvents } from './transfer-events.ts';
import type { TransferHandle } from './transfer-handle.ts';
import { UploadClient } from './upload/client.ts';

/** Called for transfers of an id that failed, both ways: the HTTP status, a sentence, and the headers if a response came. */
export type FailureCallback = (code: number, reason: string, headers: IncomingHttpHeaders | undefined) => unknown;

type Receive<Data> = (data: Data, info: TransferInfo) => unknown;

/** The client side of interserve: what `client.use(interserve())` returns. */
export class ClientTransfers extends GuardedEmitter<TransferEvents> {
  readonly #core: ClientCore;
  readonly #uploads: UploadClient;
  readonly #failures: Callbacks<FailureCallback>;

  /** @internal */
  constructor(core: ClientCore, uploads: UploadClient, failures: Callbacks<FailureCallback>) {
    super(core.report);
    this.#core = core;
    this.#uploads = uploads;
    this.#failures = failures;
  }

  /**
   * Sets the callback for what the server sends on `id`; without a callback, removes it.
   * @throws BusError `ERR_INVALID_ARGUMENT` for a wrong id, callback or option.
   */
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
   * Sends `data` to the server; until the client is connected the transfer waits, up to the option `timeout`. Bytes are not
   * copied: they must stay as they are until the receipt.
   * @throws BusError `ERR_INVALID_ARGUMENT` for data that cannot be sent.
   */
  send(id: string, data: Sendable): TransferHandle<Receipt> {
    checkId(id);
    return this.#uploads.send(id, data);
  }

  /**
   * Sets the callback for transfers on `id` that failed, both ways; without a callback, removes it.
   * @throws BusError `ERR_INVALID_ARGUMENT` for a wrong id or callback.
   */
  failure(id: string, callback?: FailureCallback): void {
    this.#failures.set(id, callback);
  }

  /** The figures so far, by endpoint id. */
  stats(): Record<string, EndpointStats> {
    return this.#core.profile.stats();
  }
}

/** Installs the plugin on a client. Options are checked here, because each side has its own. */
export function installClient(host: PluginHost, given: InterserveOptions): PluginInstance<ClientTransfers> {
  const options = resolveOptions('interserve', clientOptionTable, given);
  const failures = new Callbacks<FailureCallback>();
  const profile = new Profile({
    outgoing: 'up',
    // A server may offer under any number of ids.
    counts: (way, id) => way === 'up' || core.receivers.has(id),
    onEnded(record, error) {
      api.emit('transfer', record);
      if (error !== undefined) callFailure(failures.of(record.id), error, core.report);
    },
    report: (error) => host.report(error),
  });
  const lane: Lane = host.lane({
    message(data) {
      const message = readControl(data);
      if (message.op === 'place') uploads.placed(message.transfer, message.place);
      else if (message.op === 'digest') downloads.digest(message.transfer, message.digest);
      else if (message.op === 'stop') {
        const stopped = message.way === 'down' ? downloads : uploads;
        stopped.stop(message.transfer, transferError(message.reason, message.message));
      }
    },
    request(data, context) {
      const message = readControl(data);
      if (message.op !== 'offer')
        throw transferError('malformed', 'A server offers downloads; it does not ask for uploads');
      return downloads.offered(message, context);
    },
  });
  const core: ClientCore = new ClientCore(host, lane, options, profile);
  const downloads = new DownloadClient(core);
  const uploads = new UploadClient(host, core);
  const api = new ClientTransfers(core, uploads, failures);
  const close = () => {
    const left = transferError('left');
    downloads.stopAll(left);
    uploads.stopAll(left);
    core.http.close();
  };
  // Uploads that have asked end with their request; the others wait for the next session.
  host.onDisconnect(() => downloads.stopAll(transferError('left')));
  host.onClose(close);
  return { api, dispose: close, stats: () => profile.totals([...downloads.open, ...uploads.open]) };
}

function callFailure(callback: FailureCallback | undefined, error: BusError, report: (error: unknown) => void): void {
  if (callback === undefined) return;
  const status = statusOf(error) ?? outcomes[failureOf(error)].status;
  const headers = error instanceof EndpointError ? error.headers : undefined;
  guarded(() => callback(status, error.message, headers), report);
}

function statusOf({ details }: BusError): number | undefined {
  if (typeof details !== 'object' || details === null || !('status' in details)) return undefined;
  return typeof details.status === 'number' ? details.status : undefined;
}
