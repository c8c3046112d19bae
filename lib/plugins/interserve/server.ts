import type { Readable } from 'node:stream';
import { GuardedEmitter } from '../../base/emitter.ts';
import { BusError } from '../../base/errors.ts';
import { resolveOptions } from '../../base/options.ts';
import type { Lane, LaneHandlers, PeerHandle, PluginHost, PluginInstance } from '../../bus/plugin.ts';
import { SpanningLane, worldOf } from '../cluster/internal.ts';
import { DownloadServer } from './download/server.ts';
import {
  type AddOptions,
  checkCallback,
  checkId,
  EndpointRegistry,
  type Handshake,
  type Interrupt,
  type ReceiveAs,
  type ReceiveOptions,
  type TransferInfo,
} from './endpoint-registry.ts';
import { EndpointServer } from './endpoint-server.ts';
import { type InterserveOptions, serverOptionTable } from './options.ts';
import { transferError } from './outcomes.ts';
import type { Sendable } from './payload/sendable.ts';
import { type EndpointStats, Profile } from './profile.ts';
import { readControl, type Receipt } from './protocol.ts';
import type { TransferEvents } from './transfer-events.ts';
import type { TransferHandle } from './transfer-handle.ts';
import { TransferTable } from './transfers/transfer-table.ts';
import { UploadsElsewhere } from './upload/elsewhere.ts';
import { UploadServer } from './upload/server.ts';

type Receive<Data> = (data: Data, peer: PeerHandle, info: TransferInfo) => unknown;

/** The server side of interserve: what `server.use(interserve())` returns. */
export class ServerTransfers extends GuardedEmitter<TransferEvents> {
  readonly #table: TransferTable;
  readonly #downloads: DownloadServer;
  readonly #peers: () => Iterable<PeerHandle>;
  readonly #port: () => number | undefined;
  readonly #peerOf: (id: string) => PeerHandle;

  /** @internal */
  constructor(
    table: TransferTable,
    downloads: DownloadServer,
    {
      peers,
      peerOf,
      port,
      report,
    }: {
      peers(): Iterable<PeerHandle>;
      peerOf(id: string): PeerHandle;
      port(): number | undefined;
      report(error: unknown): void;
    },
  ) {
    super(report);
    this.#table = table;
    this.#downloads = downloads;
    this.#peers = peers;
    this.#port = port;
    this.#peerOf = peerOf;
  }

  /** The HTTP port in use once the server has started; undefined if the bus's port is shared. */
  get port(): number | undefined {
    return this.#port();
  }

  /**
   * Registers an endpoint id, without which nothing is transferred. Adding it again changes its options.
   * @throws BusError `ERR_INVALID_ARGUMENT` for an id that is not a string of 1 to 128 bytes, or a wrong size.
   */
  add(id: string, options?: AddOptions): void {
    this.#table.registry.add(id, options);
  }

  /** Removes an endpoint id with its figures; its transfers end with 410. Its callbacks stay. Returns false if there is none. */
  remove(id: string): boolean {
    const existed = this.#table.registry.remove(id);
    this.#table.fail(transferError('gone'), (transfer) => transfer.content.id === id);
    this.#table.profile.forget(id);
    return existed;
  }

  /** Whether the endpoint id is registered. */
  exists(id: string): boolean {
    return this.#table.registry.exists(id);
  }

  /**
   * Sets the callback for uploads on `id`, which may be added later; without a callback, removes it.
   * @throws BusError `ERR_INVALID_ARGUMENT` for a wrong id, callback or option.
   */
  receive(id: string, callback: Receive<Readable>, options: ReceiveOptions & { as: 'stream' }): void;
  receive(id: string, callback: Receive<string>, options: ReceiveOptions & { as: 'file' }): void;
  receive(id: string, callback?: Receive<string | Buffer>, options?: ReceiveOptions & { as?: 'value' }): void;
  receive(id: string, callback?: Receive<never>, options?: ReceiveOptions & { as?: ReceiveAs }): void {
    checkId(id);
    checkCallback(callback);
    const deliver = callback as Receive<unknown> | undefined;
    this.#table.registry.receivers.set(id, deliver && ((data, info, peer) => deliver(data, peer, info)), options);
  }

  /**
   * Sets the callback for each HTTP request of a transfer on `id`, up or down; without a callback, removes it. If it
   * returns `false` or a promise of it, the request is answered 403 and the transfer ends.
   * @throws BusError `ERR_INVALID_ARGUMENT` for a wrong id or callback.
   */
  interrupt(id: string, callback?: Interrupt): void {
    this.#table.registry.interrupts.set(id, callback);
  }

  /**
   * Sets the callback that decides on each upload on `id`; without a callback, removes it. Only `true`, or a promise of it,
   * admits the upload.
   * @throws BusError `ERR_INVALID_ARGUMENT` for a wrong id or callback.
   */
  handshake(id: string, callback?: Handshake): void {
    this.#table.registry.handshakes.set(id, callback);
  }

  /**
   * Sends `data` to one peer or to several. At a node of a cluster, a peer is also the id of a client in the world, such as `eu-2/9f3a`,
   * which fetches the data here. Bytes are not copied: they must stay as they are until the receipt.
   * @throws BusError `ERR_INVALID_ARGUMENT` for data that cannot be sent, `ERR_NO_MEMBER` for an id of nobody.
   */
  send(id: string, data: Sendable, peer: PeerHandle | string): TransferHandle<Receipt>;
  send(
    id: string,
    data: Sendable,
    peers: readonly (PeerHandle | string)[],
  ): TransferHandle<PromiseSettledResult<Receipt>[]>;
  send(
    id: string,
    data: Sendable,
    given: PeerHandle | string | readonly (PeerHandle | string)[],
  ): TransferHandle<Receipt> | TransferHandle<PromiseSettledResult<Receipt>[]> {
    checkId(id);
    const peerOf = (one: PeerHandle | string): PeerHandle => (typeof one === 'string' ? this.#peerOf(one) : one);
    const to = isList(given) ? given.map(peerOf) : peerOf(given);
    if (isList(to)) return this.#downloads.send(id, data, [...new Set(to)], (all) => Promise.allSettled(all));
    if (typeof to !== 'object' || to === null)
      throw new BusError('ERR_INVALID_ARGUMENT', 'There is no peer to send to');
    return this.#downloads.send(id, data, [to], only);
  }

  /** Sends `data` to every peer connected now. */
  broadcast(id: string, data: Sendable): TransferHandle<PromiseSettledResult<Receipt>[]> {
    return this.send(id, data, [...this.#peers()]);
  }

  /** Sends `data` to every peer connected now except `ignore`. */
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

  /** The figures so far, by endpoint id. */
  stats(): Record<string, EndpointStats> {
    return this.#table.profile.stats();
  }
}

function isList<Peer>(peers: Peer | readonly Peer[]): peers is readonly Peer[] {
  return Array.isArray(peers);
}

async function only(receipts: readonly Promise<Receipt>[]): Promise<Receipt> {
  const [receipt] = receipts;
  if (receipt === undefined) throw transferError('left');
  return receipt;
}

/** Installs the plugin on a server. Options are checked here, because each side has its own. */
export function installServer(host: PluginHost, given: InterserveOptions): PluginInstance<ServerTransfers> {
  const options = resolveOptions('interserve', serverOptionTable, given);
  const report = (error: unknown, peer?: PeerHandle): void => host.report(error, peer);
  const registry = new EndpointRegistry(options.size);
  const profile = new Profile({
    outgoing: 'down',
    log: options.log,
    counts: (_way, id) => registry.exists(id),
    onEnded: (record) => api.emit('transfer', record),
    report,
  });
  const table: TransferTable = new TransferTable({
    clock: host.clock,
    random: host.random,
    options,
    registry,
    profile,
    secure: host.tls !== undefined,
    port: () => endpoints.port,
    isForeign: (peer) => spanning?.has(peer) === true,
  });
  const handlers: LaneHandlers = {
    message(data, peer) {
      const message = readControl(data);
      if (message.op !== 'digest' && message.op !== 'stop') return undefined;
      if (message.way !== 'up') return undefined;
      const transfer = table.find(peer, 'up', message.transfer);
      if (transfer === undefined) return elsewhere?.pass(message, peer);
      if (message.op === 'digest') transfer.expect(message.digest);
      else transfer.fail(transferError(message.reason, message.message));
      return undefined;
    },
    request(data, context) {
      const message = readControl(data);
      if (message.op !== 'ask')
        throw transferError('malformed', 'A client asks for uploads; it does not offer downloads');
      const here = (): Promise<unknown> => uploads.ask(message, context);
      const isElsewhere = spanning?.has(context.peer) === false && !registry.exists(message.content.id);
      return isElsewhere && elsewhere !== undefined ? elsewhere.ask(message, context, here) : here();
    },
  };
  const world = worldOf(host);
  const left = (peer: PeerHandle, isNodeGone: boolean): void => table.left(peer, isNodeGone ? 'lost' : 'left');
  const spanning =
    world && new SpanningLane('interserve', host, world, { ...handlers, left, has: (id) => registry.exists(id) });
  const elsewhere = spanning && new UploadsElsewhere(spanning);
  const lane: Lane = spanning ?? host.lane(handlers);
  const uploads = new UploadServer(table, lane);
  const endpoints: EndpointServer = new EndpointServer(host, table, uploads);
  const downloads = new DownloadServer(table, lane, report);
  const peerOf = (id: string): PeerHandle => {
    if (spanning === undefined) throw new BusError('ERR_INVALID_ARGUMENT', 'Only nodes of a cluster send to ids');
    return spanning.peer(id);
  };
  const api = new ServerTransfers(table, downloads, {
    peers: () => host.peers,
    peerOf,
    port: () => endpoints.port,
    report,
  });
  const close = async () => {
    table.fail(transferError('left'));
    await endpoints.close();
  };
  if (options.share) host.onHttp((socket, head, known) => endpoints.adopt(socket, head, known));
  else host.onStart(() => endpoints.listen());
  host.onDisconnect((peer) => table.left(peer));
  host.onClose(close);
  return { api, dispose: close, stats: () => profile.totals(table.open) };
}
