import type { Clock } from '../base/clock.ts';
import { callback, custom, flag, type Given, integer, oneOf, type Resolved, text } from '../base/options.ts';
import { type Random, systemRandom } from '../base/random.ts';
import { systemClock } from '../base/system-clock.ts';
import type { Network } from '../transport/link.ts';
import { areContracts, type Contracted } from '../wire/contracts.ts';
import type { Authorize, Contract, PayloadOf, Untyped } from './contract.ts';

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

const isPort = (value: unknown): boolean =>
  (typeof value === 'string' ? /^[0-9]+$/.test(value) : Number.isInteger(value)) &&
  Number(value) >= 0 &&
  Number(value) <= 65_535;

const mebibyte = 1_048_576;

/** Where the bus lives; one of `url`, `path` or `port` (with `host`). */
export const addressOptions = {
  /**
   * Address as one string: `host:port`, `unix:path`, `pipe:name`, `tcp:host:port`, `tls:host:port` or `memory:name`;
   * for clients also `parent:`, whoever started this process.
   */
  url: text(),
  /**
   * Path of the unix socket (`net-ipc` if no address is given), relative to the working directory; on Windows the
   * pipe's name.
   */
  path: text(),
  /** TCP port, also as text of digits; 0 lets a server pick a free one. */
  port: custom<number | string | undefined>({
    type: 'integer',
    range: '0 to 65535',
    default: undefined,
    accepts: isPort,
  }),
  /** TCP host, by default loopback. */
  host: text(),
  /**
   * Speaks TLS over TCP; an object is passed to `node:tls`, over `options`. A server needs `cert` and `key`, `pfx`,
   * `pskCallback` or `SNICallback`.
   */
  tls: custom<boolean | object | undefined>({
    type: 'boolean or object',
    default: undefined,
    accepts: (value) => typeof value === 'boolean' || isObject(value),
  }),
  /** Passed to `node:net` or `node:tls`, such as `cert`, `key`, `ca` or `pskCallback`. */
  options: custom<object | undefined>({
    type: 'object',
    default: undefined,
    accepts: isObject,
  }),
} as const;

/** What both ends take. */
export const peerOptions = {
  /** Largest message this end takes, after inflating; a larger one, or one of too many values, closes the link. */
  maxMessageBytes: integer({
    default: 16 * mebibyte,
    min: 1_024,
    max: 2_147_483_648,
    unit: 'bytes',
  }),
  /** How deep a message may nest, sent or received; those up to 4 KiB are not looked through. */
  maxDepth: integer({ default: 64, min: 1, max: 10_000 }),
  /**
   * Bytes to one peer that it has not acknowledged; when they are reached, `send` waits, and at twice as much, with answers,
   * what the peer asks waits to be begun. At four times as much an answer is `ERR_QUEUE_FULL` instead.
   */
  maxUnackedBytes: integer({
    default: 16 * mebibyte,
    min: 1_024,
    max: 2_147_483_648,
    unit: 'bytes',
  }),
  /** Frames to one peer that it has not acknowledged; when they are reached, `send` waits. */
  maxPendingMessages: integer({
    default: 10_000,
    min: 1,
    max: 1_000_000,
  }),
  /**
   * Requests and confirmed messages of one peer that are being handled, those too that it gave up; one more is refused with
   * `ERR_QUEUE_FULL`.
   */
  maxOpenRequests: integer({
    default: 16_384,
    min: 1,
    max: 1_000_000,
  }),
  /**
   * What happens to a peer that takes nothing for `slowConsumerMs`, after its `slow` event: its sends go on waiting; or
   * the messages that wait are dropped, and later the oldest or the newest of more than 16,384; or it is disconnected.
   */
  slowConsumer: oneOf({
    choices: ['wait', 'drop-oldest', 'drop-newest', 'disconnect'],
    default: 'wait',
  }),
  /** How long a peer may take nothing of what waits for it. */
  slowConsumerMs: integer({
    default: 10_000,
    min: 10,
    max: 2_147_483_647,
    unit: 'ms',
  }),
  /** Silence after which the peer is asked for a sign of life; 0 never asks. */
  heartbeatIntervalMs: integer({
    default: 15_000,
    min: 0,
    max: 2_147_483_647,
    unit: 'ms',
  }),
  /** How long the peer may take for that sign before its link is closed as dead. */
  heartbeatTimeoutMs: integer({
    default: 15_000,
    min: 1,
    max: 2_147_483_647,
    unit: 'ms',
  }),
  /** How long opening a link may take, authorisation included. */
  handshakeTimeoutMs: integer({
    default: 5_000,
    min: 1,
    max: 2_147_483_647,
    unit: 'ms',
  }),
  /** How long `close()` waits for what is owed before it closes all the same. */
  closeTimeoutMs: integer({
    default: 10_000,
    min: 0,
    max: 2_147_483_647,
    unit: 'ms',
  }),
  /** Offers busbar's own protocol, with sessions; `false` speaks net-ipc only. */
  native: flag({ default: true }),
  /**
   * Whether the peer may define record structures for faster MessagePack; by default on unix sockets, pipes,
   * memory, and between parent and child only.
   */
  trusted: custom<boolean | undefined>({
    type: 'boolean',
    default: undefined,
    accepts: (value) => typeof value === 'boolean',
  }),
  /**
   * Structs of `busbar/contract`, 128 at the most. What is sent by one that the peer has too is written and read by it;
   * anything else as without. `ERR_INVALID_OPTION` for one that nests deeper than `maxDepth`.
   */
  contracts: custom<readonly Contracted[] | undefined>({ type: 'structs', default: undefined, accepts: areContracts }),
  /** Time, for tests. */
  clock: custom<Clock>({ type: 'Clock', default: systemClock, accepts: isObject }),
  /** Randomness, for tests. */
  random: custom<Random>({ type: 'Random', default: systemRandom, accepts: isObject }),
  /** Where `memory:` addresses live, for tests; by default one for the whole process. */
  network: custom<Network | undefined>({ type: 'MemoryNetwork', default: undefined, accepts: isObject }),
} as const;

// A pure call, so that bundlers leave it out of web pages, which only have clients.
export const serverOptions = /* @__PURE__ */ (() =>
  ({
    ...addressOptions,
    ...peerOptions,
    /** Passed to `net.Server.listen`, such as `readableAll` or `backlog`; `host` counts as the option does, `exclusive: false` shares a port in a cluster. */
    listenOptions: custom<object | undefined>({
      type: 'object',
      default: undefined,
      accepts: isObject,
    }),
    /**
     * Most connections; 0 is no limit either. For one more the oldest session without a link makes room, else the newest
     * connection of the address that has most, if the new one's has fewer; else it is refused with `ERR_SERVER_FULL`.
     */
    max: integer({
      default: Infinity,
      min: 0,
      max: Infinity,
    }),
    /** Most links that are not authorised yet; at one more the oldest of them makes room. */
    maxUnauthorized: integer({
      default: 256,
      min: 1,
      max: 1_000_000,
    }),
    /** Bytes taken from a client before it is authorised. */
    maxPreAuthBytes: integer({
      default: 65_536,
      min: 1_024,
      max: 2_147_483_648,
      unit: 'bytes',
    }),
    /**
     * Runs before `connect`; only `true` admits the client, all else refuses it with `ERR_UNAUTHORIZED` and what was thrown.
     * A `BusError` `ERR_UNAVAILABLE` says "not now": the client comes back.
     */
    authorize: callback<Authorize>({
      type: '(payload, peer) => boolean | Promise',
    }),
    /** Whether `authorize` may ask for `peer.credentials()`; on unix sockets. */
    credentials: flag({ default: false }),
    /** Makes the public ids of connections, by default random. */
    generateID: callback<() => string>({
      type: '() => string',
    }),
    /** How long a session whose link broke waits for its client, unless its process is seen to be gone. */
    sessionGraceMs: integer({
      default: 120_000,
      min: 0,
      max: 2_147_483_647,
      unit: 'ms',
    }),
    /** Most sessions without a link; at one more the oldest of them is lost. */
    maxDetached: integer({
      default: 10_000,
      min: 0,
      max: Infinity,
    }),
    /** Most sessions without a link whose clients came from one address, one IPv6 network of 64 bits, or over one unix socket. */
    maxDetachedPerAddress: integer({
      default: 5_000,
      min: 0,
      max: Infinity,
    }),
    /** How long after its link broke a survey still waits for a member. */
    surveyGraceMs: integer({
      default: 1_000,
      min: 0,
      max: 2_147_483_647,
      unit: 'ms',
    }),
    /** Whether clients may have their link compressed. */
    compress: flag({ default: true }),
    /** Whether net-ipc clients may use MessagePack. */
    messagepack: flag({ default: true }),
    /** Taken for net-ipc's sake; sessions send again by themselves. */
    retries: integer({
      default: 3,
      min: 0,
      max: Infinity,
    }),
    /** Whether `details` of errors travel to clients; stacks never do. */
    exposeErrorDetails: flag({
      default: false,
    }),
  }) as const)();

export const clientOptions = {
  ...addressOptions,
  ...peerOptions,
  /** Opens through an HTTP upgrade, for proxies. */
  handshake: custom<boolean | { readonly host?: string; readonly path?: string } | undefined>({
    type: 'boolean or { host, path }',
    default: undefined,
    accepts: (value) => typeof value === 'boolean' || isObject(value),
  }),
  /** Asks for a compressed link. */
  compress: flag({ default: false }),
  /** MessagePack instead of JSON towards a net-ipc server; busbar's own protocol always uses it. */
  messagepack: flag({ default: false }),
  /** Comes back after a lost link, for as long as it takes. */
  reconnect: flag({ default: true }),
  /** Attempts to connect the first time, after the first attempt; by default none with `reconnect: false`. */
  retries: integer({
    default: 3,
    min: 0,
    max: Infinity,
  }),
  /** Longest wait between two attempts to connect. */
  maxRetryTime: integer({
    default: 10_000,
    min: 100,
    max: Infinity,
    unit: 'ms',
  }),
  /**
   * What happens to messages nobody acknowledged when a session is lost: the `undelivered` event, or sending them again
   * in the new session. Either takes the object given to `send` as it is by then: leave it unchanged until it is acknowledged.
   */
  onLost: oneOf({
    choices: ['report', 'resend'],
    default: 'report',
  }),
  /** Whether `details` of errors travel to the server; stacks never do. */
  exposeErrorDetails: flag({
    default: false,
  }),
} as const;

/** The options of `new Server`; with a contract, `authorize` gets the payload that it names. */
export type ServerOptions<C extends Contract = Untyped> = Omit<Given<typeof serverOptions>, 'authorize'> & {
  readonly authorize?: Authorize<PayloadOf<C>> | undefined;
};
/** The options of `new Client`. */
export type ClientOptions = Given<typeof clientOptions>;
export type ResolvedServerOptions = Resolved<typeof serverOptions>;
export type ResolvedClientOptions = Resolved<typeof clientOptions>;
export type ResolvedPeerOptions = Resolved<typeof peerOptions>;
