import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../transport/link.ts';

/**
 * The other end of a session as a plugin sees it: the `Connection` on a server, the `Client` itself on a client, which
 * are the objects that listeners of the bus get too.
 */
export interface PeerHandle {
  /** The public id the server gave; it proves nothing. */
  readonly id: string | undefined;
  /** An IP address for tcp and tls, the path or name else; `undefined` while no link is open. */
  readonly remoteAddress: string | undefined;
  /** What kind of link the peer has, or had last. */
  readonly linkKind: Link['kind'] | undefined;
  /** The tier in force; lanes need `session`. */
  readonly delivery: 'legacy' | 'session';
  send(data: unknown): Promise<void>;
  request(data: unknown, options?: number | LaneSendOptions): Promise<unknown>;
  close(reason?: unknown): Promise<boolean>;
}

export interface LaneRequestContext {
  readonly peer: PeerHandle;
  /** Fires when the requester cancelled or timed out, or when the session is over. */
  readonly signal: AbortSignal;
  /** Milliseconds the requester will still wait; undefined: no limit. */
  readonly deadline: number | undefined;
  /**
   * Calls `hook` if the answer is not sent: it cannot be encoded, the requester gave up, or the session is over. At once
   * where that is known already.
   */
  whenUnsent(hook: () => void): void;
}

/** How a plugin hears of its lane. A throw or a rejection in `request` becomes the requester's rejection, with its code. */
export interface LaneHandlers {
  message?(data: unknown, peer: PeerHandle): void | Promise<void>;
  request?(data: unknown, context: LaneRequestContext): unknown;
}

export interface LaneSendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; 10,000 unless given, 0 waits for ever. */
  readonly timeout?: number | undefined;
  /** Gets an answer that comes when its request was given up; the same function for all requests to one peer. */
  readonly unclaimed?: ((answer: unknown) => void) | undefined;
}

/**
 * An ordered stream of messages and requests of one plugin's, beside the user's own (lane 0). A lane rides on the
 * session: links may break and come back without loss or disorder. Data is anything MessagePack can carry; a `Buffer`,
 * `Uint8Array`, other typed array or `ArrayBuffer` as the whole of it travels without the codec and arrives as what it
 * was, safe to keep.
 */
export interface Lane {
  /**
   * Queues a message. Resolves when the session accepted it, which is the back-pressure signal; rejects
   * `ERR_PEER_LACKS_FEATURE` towards a net-ipc peer, `ERR_CLOSED`, `ERR_QUEUE_FULL` or `ERR_UNENCODABLE`.
   */
  send(peer: PeerHandle, data: unknown): Promise<void>;
  /**
   * Hands the message to the session if it has room: true when it was accepted, false when `send` would let it wait, and
   * then nothing was queued. Costs no promise.
   * @throws BusError what `send` rejects with.
   */
  trySend(peer: PeerHandle, data: unknown): boolean;
  /** Asks the plugin of the same name at the other end; `ERR_PEER_LACKS_FEATURE` if it has none. */
  request(peer: PeerHandle, data: unknown, options?: LaneSendOptions): Promise<unknown>;
  /** Like `send` to each of `peers`, encoded once; a peer that fails does not keep the others from it. */
  broadcast(peers: Iterable<PeerHandle>, data: unknown): Promise<void>;
}

/** Takes a socket that HTTP comes over, with what was read already; `known` says that its peer proved who he is. */
export type HttpHook = (socket: Socket, head: Uint8Array, known: () => void) => void;

/** What a plugin may touch; never the insides. All hooks go when the plugin is disposed. */
export interface PluginHost {
  readonly side: 'server' | 'client';
  readonly clock: Clock;
  readonly random: Random;
  /** Those connected now: a server's connections, or the client itself once it is ready. */
  readonly peers: Iterable<PeerHandle>;
  /** The plugin's own lane; one per plugin, named as the plugin is. */
  lane(handlers: LaneHandlers): Lane;
  /** After a peer was authorised and its session is new. */
  onConnect(hook: (peer: PeerHandle, payload: unknown) => void): void;
  /** Once, when a peer's session is over. */
  onDisconnect(hook: (peer: PeerHandle, reason: unknown) => void): void;
  /** When a link of the peer's broke (`up` false) or its session resumed (`up` true). */
  onLink(hook: (peer: PeerHandle, up: boolean) => void): void;
  /** Before the server listens or the client dials; a rejection fails `start()` or `connect()`. Runs at once if that was earlier. */
  onStart(hook: () => void | Promise<void>): void;
  /** Before the server or the client closes for good. */
  onClose(hook: () => void | Promise<void>): void;
  /**
   * Server only: takes links whose first bytes are an HTTP request that is no bus handshake. `head` is what was read
   * already. Until `known` is called the socket is a stranger's: one of `maxUnauthorized`, which is destroyed after
   * `handshakeTimeoutMs`. Without a taker such a link is answered 418 and closed.
   */
  onHttp(hook: HttpHook): void;
  /**
   * Server only: takes a link that the plugin accepted, just as one of the server's own. Throws `ERR_STATE` on a client
   * and while the server does not listen.
   */
  acceptLink(link: Link): void;
  /** The TLS options the server was given, for a plugin that listens on a port of its own. */
  readonly tls: object | undefined;
  /** What `use()` returned for a plugin installed before, such as one of its `dependencies`; undefined if there is none. */
  plugin(name: string): unknown;
  /** Reports a failure that concerns no call: it reaches the `error` event. */
  report(error: unknown, peer?: PeerHandle): void;
}

/** What `install` returns: `api` is what `use()` returns; `dispose` undoes the installation, in reverse order of `use()`. */
export interface PluginInstance<Api> {
  readonly api: Api;
  dispose?(): void | Promise<void>;
}

/**
 * A plugin: `server.use(plugin)` returns `ServerApi`, `client.use(plugin)` returns `ClientApi`. A plugin for both sides
 * is most easily written with `definePlugin`.
 */
export interface Plugin<ServerApi, ClientApi = ServerApi> {
  readonly name: string;
  /** Names of plugins that must have been installed before. */
  readonly dependencies?: readonly string[];
  install(host: PluginHost, options?: unknown): PluginInstance<ServerApi | ClientApi>;
  /** For the type checker alone; never present. */
  readonly apis?: { readonly server: ServerApi; readonly client: ClientApi };
}

export interface PluginDefinition<ServerApi, ClientApi> {
  readonly name: string;
  readonly dependencies?: readonly string[];
  server(host: PluginHost): PluginInstance<ServerApi>;
  client(host: PluginHost): PluginInstance<ClientApi>;
}

/** A plugin whose two sides are two functions. */
export function definePlugin<ServerApi, ClientApi>(
  definition: PluginDefinition<ServerApi, ClientApi>,
): Plugin<ServerApi, ClientApi> {
  const { name, dependencies = [], server, client } = definition;
  return { name, dependencies, install: (host) => (host.side === 'server' ? server(host) : client(host)) };
}
