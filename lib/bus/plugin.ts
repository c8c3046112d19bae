import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { ShownValue } from '../base/redaction.ts';
import type { Link } from '../transport/link.ts';
import type { AskSettings, AudienceSettings } from './call-settings.ts';
import type { ClientJournal, DurableReceiver, DurableSender, ServerJournal } from './durable.ts';
import type { Lane, LaneHandlers, PeerHandle } from './lane.ts';
import type { Tracer } from '../session/operations.ts';
import type { Watcher } from '../session/traffic.ts';
import type { Stats } from './stats.ts';
import type { SurveyAnswer, SurveyStreamSettings } from './survey-answer.ts';

export type { Arrival, LaneLore, Operation, Settled, Tracer } from '../session/operations.ts';
export type { Sighting, TrafficKind, Watcher } from '../session/traffic.ts';
export {
  type AskOptions,
  type AskSettings,
  askOptions,
  requestNames,
  type RequestSettings,
  sendOptions,
  Withdrawal,
} from './call-settings.ts';
export type { Audience, AudienceSettings, DurableSendOptions, SendSettings } from './call-settings.ts';
export type {
  ClientJournal,
  Consume,
  ConsumeContext,
  ConsumeKey,
  ConsumeSettings,
  DeadLetter,
  DurableAskOptions,
  DurableBacklog,
  DurableConsumer,
  DurableContext,
  DurableDeadLetters,
  DurableReceipts,
  DurableReceiver,
  DurableRequestContext,
  ClientSender,
  ClientSends,
  DurableSender,
  DurableSends,
  PeerBacklog,
  ServerJournal,
  ServerReceipts,
} from './durable.ts';
export type {
  Lane,
  LaneHandlers,
  LaneRequestContext,
  LaneSendOptions,
  LaneSurveySettings,
  PeerHandle,
} from './lane.ts';
export { MessageCodec } from './requests/message-requests.ts';
export type { SurveyAnswer, SurveyStreamSettings } from './survey-answer.ts';
export {
  type MessageRequestContext,
  MessageRequests,
  type MessageRequestSettings,
  type MessageRequestsOptions,
  type RequestCarrier,
} from './requests/message-requests.ts';

/** Adopts a socket with an HTTP request, and the bytes read so far; `known` reports that its peer has authenticated. */
export type HttpHook = (socket: Socket, head: Uint8Array, known: () => void) => void;

/** Sends to all clients of a server, or to selected ones, as the server itself does. */
export interface ServerClients {
  /** As `Server.broadcast`, to clients of this server only. */
  broadcast(data: unknown, settings?: AudienceSettings<PeerHandle>): Promise<void>;
  /** As `Server.surveyStream`, of clients of this server only. */
  surveyStream(
    data: unknown,
    settings?: SurveyStreamSettings & AudienceSettings<PeerHandle>,
  ): AsyncGenerator<SurveyAnswer<PeerHandle, unknown>, void, void>;
  /** From now on, `wider` performs `broadcast`, `survey` and `surveyStream` of the server and its groups. */
  widen(wider: WiderAudience): void;
}

/** Performs what a server is asked to do with all its clients, for a server that shares clients with others. */
export interface WiderAudience {
  broadcast(data: unknown, settings?: AudienceSettings<PeerHandle>): Promise<void>;
  survey(
    data: unknown,
    settings?: number | (AskSettings & AudienceSettings<PeerHandle>),
  ): Promise<SurveyAnswer<PeerHandle, unknown>[]>;
  surveyStream(
    data: unknown,
    settings?: SurveyStreamSettings & AudienceSettings<PeerHandle>,
  ): AsyncGenerator<SurveyAnswer<PeerHandle, unknown>, void, void>;
}

/** What a plugin can use. All hooks are removed when the plugin is disposed. */
export interface PluginHost {
  readonly side: 'server' | 'client';
  readonly clock: Clock;
  readonly random: Random;
  /** The connected peers: a server's connections, or the client itself after it is ready. */
  readonly peers: Iterable<PeerHandle>;
  /**
   * Server only: the selected connections, as for `Server.broadcast`. Throws `ERR_INVALID_ARGUMENT` for anything that
   * is not a connection of the server, `ERR_STATE` on a client.
   */
  select(audience: AudienceSettings<PeerHandle>): Iterable<PeerHandle>;
  /** Server only: its clients as a whole; undefined on a client. */
  readonly clients: ServerClients | undefined;
  /** The plugin's own lane; one for each plugin, with the plugin's name. */
  lane(handlers: LaneHandlers): Lane;
  /** After a peer was authorized and its session is new. */
  onConnect(hook: (peer: PeerHandle, payload: unknown) => void): void;
  /**
   * Client only: with each new session. `connect()` waits for the hook and rejects if it rejects; in later sessions the
   * rejection goes to `error`. Until it settles, only answers of the session are delivered.
   */
  onReady(hook: () => Promise<void>): void;
  /** Once, when a peer's session ends. */
  onDisconnect(hook: (peer: PeerHandle, reason: unknown) => void): void;
  /** When a link of the peer broke (`up` false) or its session resumed (`up` true). */
  onLink(hook: (peer: PeerHandle, up: boolean) => void): void;
  /**
   * Before the server listens or the client dials, or at once if that was earlier; a rejection fails `start()` or
   * `connect()`.
   */
  onStart(hook: () => void | Promise<void>): void;
  /** Before the server or the client closes. */
  onClose(hook: () => void | Promise<void>): void;
  /**
   * Server only: adopts links whose first bytes are an HTTP request that is not a bus handshake. `head` has the bytes
   * read so far. Until `known` is called, the socket counts for `maxUnauthorized` and is destroyed after
   * `handshakeTimeoutMs`. Without such a hook the link is answered with 418 and closed.
   */
  onHttp(hook: HttpHook): void;
  /**
   * Server only: adopts a link that the plugin accepted. Throws `ERR_STATE` on a client and while the server does not
   * listen.
   */
  acceptLink(link: Link): void;
  /**
   * Server only: adopts a link that the plugin made for a client that will use it, even if the server does not listen.
   * Resolves with the peer after `connect` was emitted; rejects with the error that prevented it, or if the client is
   * not connected within `withinMs`.
   */
  acceptLink(link: Link, withinMs: number): Promise<PeerHandle>;
  /** As `stats()` of the server or client. */
  stats(): Stats;
  /** A copy of `data` as people may see it: masked by the option `redact`, and cut short. Never throws. */
  show(data: unknown): ShownValue;
  /**
   * Shows `watcher` all that goes to the peers and comes from them, on all lanes, until the function returned is called or the
   * plugin is disposed. It costs nothing while nobody watches, and may begin and end at any time.
   */
  watch(watcher: Watcher<PeerHandle>): () => void;
  /**
   * Has `tracer` follow what is done, until the plugin is disposed; in sessions that begin from now on, its contexts travel
   * to peers that have a tracer too, and from a client to every server. Throws `ERR_PLUGIN` if there is one already, `ERR_STATE` in web pages.
   */
  trace(tracer: Tracer<PeerHandle>): void;
  /** The TLS options of the server, for a plugin that listens on its own port. */
  readonly tls: object | undefined;
  /**
   * The result of `use()` for a plugin that was installed before, such as one of its `dependencies`; undefined if there
   * is none.
   */
  plugin(name: string): unknown;
  /** Reports a failure that belongs to no call in the `error` event. */
  report(error: unknown, peer?: PeerHandle): void;
}

/** What `install` returns: `api` is what `use()` returns; `dispose` undoes the installation, in reverse order of `use()`. */
export interface PluginInstance<Api> {
  readonly api: Api;
  /** What it counts, as plain numbers: in `stats().plugins`, under its name. */
  stats?(): object;
  dispose?(): void | Promise<void>;
}

/**
 * A plugin: `server.use(plugin)` returns `ServerApi`, `client.use(plugin)` returns `ClientApi`. Write a plugin for both
 * sides with `definePlugin`.
 */
export interface Plugin<ServerApi, ClientApi = ServerApi> {
  readonly name: string;
  /** Names of plugins that have to be installed before. */
  readonly dependencies?: readonly string[];
  install(host: PluginHost, options?: unknown): PluginInstance<ServerApi | ClientApi>;
  /** For the type checker only; never present. */
  readonly apis?: { readonly server: ServerApi; readonly client: ClientApi };
}

/** The value of the option `journal`: `journal()` of `busbar/journal` returns it. */
export interface Journal {
  /** For one client. */
  client(sender: DurableSender, receiver: DurableReceiver): Plugin<never, ClientJournal>;
  /** For one server. */
  server(receiver: DurableReceiver): Plugin<ServerJournal, never>;
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
