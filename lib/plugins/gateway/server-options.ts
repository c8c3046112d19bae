import type { Clock } from '../../base/clock.ts';
import { callback, custom, flag, type Given, integer, oneOf, type Resolved, text } from '../../base/options.ts';
import { systemClock } from '../../base/system-clock.ts';
import { originsOption, ownNamesOption } from '../../transport/origin-options.ts';
import type { UpgradeDetails } from './request-details.ts';

/** The default port of both servers. */
export const DEFAULT_PORT = 9001;

/** Where a server listens, and the limits for everyone who connects. */
export const listenOptions = {
  /** The address to listen on. */
  host: text({ default: '127.0.0.1' }),
  /** Lets others with this option listen on the same port; Node 22.12 or newer. */
  reusePort: flag({ default: false }),
  /** Options of tls.createServer, such as key and cert: the server then speaks HTTPS or WSS. */
  tls: custom<object | undefined>({
    type: 'an object',
    default: undefined,
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
  /** Most open sockets; one more is closed at once. */
  maxConnections: integer({ default: 10_000, min: 1 }),
  /** Largest header section of a request. */
  maxHeaderBytes: integer({ default: 4096, min: 256, max: 1_048_576, unit: 'bytes' }),
  /** Most header fields in one request. */
  maxHeaders: integer({ default: 100, min: 1, max: 10_000 }),
  /** Time a client has to send its headers. */
  headersTimeoutMs: integer({ default: 10_000, min: 1, unit: 'ms' }),
};

/** The queue of deferred events, at a server or at a worker. */
export const queueOptions = {
  /** Time between two polls of the queue. */
  pollIntervalMs: integer({
    default: 16,
    min: 1,
    max: 60_000,
    unit: 'ms',
  }),
  /** Most events that wait for a poll. */
  maxQueuedEvents: integer({ default: 10_000, min: 1 }),
  /** Most bytes that wait for a poll. */
  maxQueuedBytes: integer({ default: 16_777_216, min: 1, unit: 'bytes' }),
};

/** Options of both servers: how their events arrive, and where they listen. */
export const eventOptions = {
  /** Events wait in a queue until it is polled; with false, handlers run at once. */
  deferred: flag({ default: true }),
  ...queueOptions,
  /** A full queue pauses clients and refuses new ones with 503; "close" also closes those that continue to send. */
  whenQueueFull: oneOf({
    choices: ['wait', 'close'],
    default: 'wait',
  }),
  ...listenOptions,
  /** The source of time. */
  clock: custom<Clock>({
    type: 'a clock',
    default: systemClock,
    accepts: (value) => typeof value === 'object' && value !== null && 'setTimer' in value,
  }),
};

export const httpServerOptions = {
  ...eventOptions,
  /** Longest time between two requests on a connection. */
  idleTimeoutMs: integer({ default: 10_000, min: 1, unit: 'ms' }),
  /** The period over which a body must keep its minimum rate. */
  bodyTimeoutMs: integer({
    default: 10_000,
    min: 1,
    unit: 'ms',
  }),
  /** The minimum rate of a body; 0: any byte within the period. */
  minBodyBytesPerSecond: integer({ default: 16_384, unit: 'bytes/s' }),
  /** Largest request body; a larger one gets 413. */
  maxBodyBytes: integer({ default: 16_777_216, max: Infinity, unit: 'bytes' }),
  /** Most unanswered requests; one more gets 503. */
  maxRequests: integer({ default: 10_000, min: 1 }),
  /** Most unanswered requests on one connection; one more closes it. */
  maxPipelinedRequests: integer({
    default: 8,
    min: 1,
  }),
  /** Time to begin an answer; after it, the request gets 504; 0: no limit. */
  responseTimeoutMs: integer({ default: 120_000, unit: 'ms' }),
  /** Longest time in which a client reads nothing of an answer. */
  drainTimeoutMs: integer({ default: 30_000, min: 1, unit: 'ms' }),
  /** Most unsent bytes of one answer that is sent in pieces. */
  maxBufferedBytes: integer({
    default: 16_777_216,
    min: 1,
    unit: 'bytes',
  }),
};

export type HttpServerOptions = Given<typeof httpServerOptions>;
export type HttpServerSettings = Resolved<typeof httpServerOptions>;

export type AuthorizeUpgrade = (details: UpgradeDetails) => boolean | Promise<boolean>;

/** Which clients may upgrade, and where. */
export const upgradeOptions = {
  /** The only path that is upgraded. Default: any. */
  path: text(),
  /**
   * Origins whose pages may connect: those listed, that of this server (its scheme, its port, an address, `localhost`
   * or one of `ownNames`), or any. Programs send no origin.
   */
  origins: originsOption('same'),
  /** Host names under which pages of the same origin reach this server. */
  ownNames: ownNamesOption(),
  /**
   * Decides before the upgrade whether a client may connect: only `true`, or a promise of it, admits. Otherwise the
   * client gets 401, or 503 if `authorize` cannot decide now (ERR_UNAVAILABLE), is late or fails by mistake.
   */
  authorize: callback<AuthorizeUpgrade>(),
  /** Time that `authorize` has. */
  authorizeTimeoutMs: integer({ default: 5000, min: 1, unit: 'ms' }),
  /** Most clients that wait for `authorize`; one more gets 503. */
  maxPendingUpgrades: integer({ default: 256, min: 1 }),
};

export const webSocketServerOptions = {
  ...eventOptions,
  ...upgradeOptions,
  /** Largest message from a client, before compression. */
  maxPayloadBytes: integer({ default: 16_777_216, min: 1, unit: 'bytes' }),
  /** Unsent bytes above which a message is dropped. */
  maxBackpressureBytes: integer({
    default: 65_536,
    unit: 'bytes',
  }),
  /** Above that limit, "drop" the message or "close" the client. */
  whenBehind: oneOf({ choices: ['drop', 'close'], default: 'drop' }),
  /** Silence after which a client is dropped. */
  idleTimeoutMs: integer({ default: 120_000, min: 20, unit: 'ms' }),
  /** Sending to a client counts as a sign of life. */
  resetIdleTimeoutOnSend: flag({ default: true }),
  /** Longest time in which a client reads none of its unsent messages. */
  drainTimeoutMs: integer({
    default: 30_000,
    min: 20,
    unit: 'ms',
  }),
  /** Time a client has to answer a close frame. */
  closeTimeoutMs: integer({ default: 5000, min: 20, unit: 'ms' }),
  /** Longest time that a connection may stay open; 0: no limit. */
  maxLifetimeMs: integer({ default: 0, unit: 'ms' }),
  /** Offers permessage-deflate, used only by the methods that compress. */
  compression: flag({ default: true }),
};

export type WebSocketServerOptions = Given<typeof webSocketServerOptions>;
export type WebSocketServerSettings = Resolved<typeof webSocketServerOptions>;

/** Options of the listener for web pages. */
export const browserListenerOptions = {
  ...listenOptions,
  ...upgradeOptions,
  /** The port to listen on; 0 chooses a free one. */
  port: integer({ default: DEFAULT_PORT, max: 65_535 }),
  /** The only path that is upgraded. */
  path: text({ default: '/bus' }),
  /** Largest WebSocket message of a page, before compression. */
  maxMessageBytes: integer({
    default: 1_048_576,
    min: 1024,
    unit: 'bytes',
  }),
  /** Compresses by permessage-deflate if the page supports it. */
  compression: flag({ default: false }),
};

export type BrowserListenerOptions = Given<typeof browserListenerOptions>;
export type BrowserListenerSettings = Resolved<typeof browserListenerOptions>;
