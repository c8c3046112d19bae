import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../transport/link.ts';
import type { AskSettings, AudienceSettings } from './call-settings.ts';
import type { ClientJournal, DurableReceiver, DurableSender, ServerJournal } from './durable.ts';
import type { Lane, LaneHandlers, PeerHandle } from './lane.ts';
import type { SurveyAnswer, SurveyStreamSettings } from './survey-answer.ts';

export {
  type AskOptions,
  type AskSettings,
  askOptions,
  requestNames,
  type RequestSettings,
  Withdrawal,
} from './call-settings.ts';
export type { Audience, AudienceSettings, DurableSendOptions, SendSettings } from './call-settings.ts';
export type {
  ClientJournal,
  Consume,
  ConsumeContext,
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
export { MessageCodec } from './message-requests.ts';
export type { SurveyAnswer, SurveyStreamSettings } from './survey-answer.ts';
export {
  type MessageRequestContext,
  MessageRequests,
  type MessageRequestSettings,
  type MessageRequestsOptions,
  type RequestCarrier,
} from './message-requests.ts';

/** Takes a socket that HTTP comes over, with what was read already; `known` says that its peer proved who he is. */
export type HttpHook = (socket: Socket, head: Uint8Array, known: () => void) => void;

/** Asking and telling all clients of a server, or those that are meant, as the server itself does. */
export interface ServerClients {
  /** As `Server.broadcast`, to clients of this server alone. */
  broadcast(data: unknown, settings?: AudienceSettings<PeerHandle>): Promise<void>;
  /** As `Server.surveyStream`, likewise. */
  surveyStream(
    data: unknown,
    settings?: SurveyStreamSettings & AudienceSettings<PeerHandle>,
  ): AsyncGenerator<SurveyAnswer<PeerHandle, unknown>, void, void>;
  /** From now on `wider` has what `broadcast`, `survey` and `surveyStream` of the server and its groups are called with. */
  widen(wider: WiderAudience): void;
}

/** Who does what a server is asked to do with all its clients, where it has them among others. */
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

/** What a plugin may touch; never the insides. All hooks go when the plugin is disposed. */
export interface PluginHost {
  readonly side: 'server' | 'client';
  readonly clock: Clock;
  readonly random: Random;
  /** Those connected now: a server's connections, or the client itself once it is ready. */
  readonly peers: Iterable<PeerHandle>;
  /**
   * Server only: those who are meant by now, as for `Server.broadcast`. Throws `ERR_INVALID_ARGUMENT` for what is none of the
   * server's connections, `ERR_STATE` on a client.
   */
  select(audience: AudienceSettings<PeerHandle>): Iterable<PeerHandle>;
  /** Server only: its clients as a whole; undefined on a client. */
  readonly clients: ServerClients | undefined;
  /** The plugin's own lane; one per plugin, named as the plugin is. */
  lane(handlers: LaneHandlers): Lane;
  /** After a peer was authorised and its session is new. */
  onConnect(hook: (peer: PeerHandle, payload: unknown) => void): void;
  /**
   * Client only: with each new session. `connect()` waits for what the hook returns, and rejects what that rejects with,
   * which in later sessions goes to `error`. Until it is settled, nothing else of the session is delivered but answers.
   */
  onReady(hook: () => Promise<void>): void;
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
  /**
   * Server only: takes a link that the plugin made for a client that is to come on it, also while the server does not listen.
   * Resolves the peer once `connect` was told of it; rejects with what kept it from coming, and where it is not there within `withinMs`.
   */
  acceptLink(link: Link, withinMs: number): Promise<PeerHandle>;
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

/** What the option `journal` takes: `journal()` of `busbar/journal` returns it. */
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
