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

/** The address; one of `url`, `path` or `port` (with `host`). */
export const addressOptions = {
  /**
   * Address as one string: `host:port`, `unix:path`, `pipe:name`, `tcp:host:port`, `tls:host:port` or `memory:name`;
   * for clients also `parent:`, the process or thread that started this one.
   */
  url: text(),
  /**
   * Path of the unix socket (default without an address: `net-ipc`), relative to the working directory; on Windows the
   * name of the pipe.
   */
  path: text(),
  /** TCP port, also as text of digits; 0 makes a server choose a free one. */
  port: custom<number | string | undefined>({
    type: 'integer',
    range: '0 to 65535',
    default: undefined,
    accepts: isPort,
  }),
  /** TCP host. Default: loopback. */
  host: text(),
  /**
   * Uses TLS over TCP; an object is passed to `node:tls`, merged over `options`. A server needs `cert` and `key`,
   * `pfx`, `pskCallback` or `SNICallback`.
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

/** Options of both ends. */
export const peerOptions = {
  /** Largest accepted message, after decompression; a larger one, or one of too many values, closes the link. */
  maxMessageBytes: integer({
    default: 16 * mebibyte,
    min: 1_024,
    max: 2_147_483_648,
    unit: 'bytes',
  }),
  /** Deepest nesting of a message, received or sent, as far as the peer takes it; not checked in messages of up to 4 KiB. */
  maxDepth: integer({ default: 64, min: 1, max: 10_000 }),
  /**
   * Unacknowledged bytes to one peer at which `send` waits. At twice as much, including answers, new requests of the
   * peer wait; at four times as much, an answer is replaced by `ERR_QUEUE_FULL`.
   */
  maxUnackedBytes: integer({
    default: 16 * mebibyte,
    min: 1_024,
    max: 2_147_483_648,
    unit: 'bytes',
  }),
  /** Unacknowledged frames to one peer at which `send` waits. */
  maxPendingMessages: integer({
    default: 10_000,
    min: 1,
    max: 1_000_000,
  }),
  /**
   * Most requests and confirmed messages of one peer that are being handled, including cancelled ones; one more is
   * refused with `ERR_QUEUE_FULL`.
   */
  maxOpenRequests: integer({
    default: 16_384,
    min: 1,
    max: 1_000_000,
  }),
  /**
   * What happens to a peer that reads nothing for `slowConsumerMs`, after its `slow` event: sends continue to wait; or
   * waiting messages are dropped, and later the oldest or the newest of more than 16,384; or the peer is disconnected.
   */
  slowConsumer: oneOf({
    choices: ['wait', 'drop-oldest', 'drop-newest', 'disconnect'],
    default: 'wait',
  }),
  /** How long a peer may read nothing while messages wait for it. */
  slowConsumerMs: integer({
    default: 10_000,
    min: 10,
    max: 2_147_483_647,
    unit: 'ms',
  }),
  /** Silence after which this end asks the peer for a sign of life; 0 turns this off. */
  heartbeatIntervalMs: integer({
    default: 15_000,
    min: 0,
    max: 2_147_483_647,
    unit: 'ms',
  }),
  /** Time that the peer has to answer before its link is closed as dead. */
  heartbeatTimeoutMs: integer({
    default: 15_000,
    min: 1,
    max: 2_147_483_647,
    unit: 'ms',
  }),
  /** Time to open a link, including authorization. */
  handshakeTimeoutMs: integer({
    default: 5_000,
    min: 1,
    max: 2_147_483_647,
    unit: 'ms',
  }),
  /** Time that `close()` waits for pending work before it closes anyway. */
  closeTimeoutMs: integer({
    default: 10_000,
    min: 0,
    max: 2_147_483_647,
    unit: 'ms',
  }),
  /** Offers busbar's own protocol, with sessions; `false` uses net-ipc only. */
  native: flag({ default: true }),
  /**
   * Whether the peer may define record structures for faster MessagePack. Default: on unix sockets, pipes, memory, and
   * between parent and child.
   */
  trusted: custom<boolean | undefined>({
    type: 'boolean',
    default: undefined,
    accepts: (value) => typeof value === 'boolean',
  }),
  /**
   * Structs of `busbar/contract`, at most 128. A message made by one that the peer has too uses its codec; others
   * travel without. `ERR_INVALID_OPTION` for a struct that nests deeper than `maxDepth`.
   */
  contracts: custom<readonly Contracted[] | undefined>({ type: 'structs', default: undefined, accepts: areContracts }),
  /** The source of time, for tests. */
  clock: custom<Clock>({ type: 'Clock', default: systemClock, accepts: isObject }),
  /** The source of random numbers, for tests. */
  random: custom<Random>({ type: 'Random', default: systemRandom, accepts: isObject }),
  /** The network of `memory:` addresses, for tests. Default: one for the whole process. */
  network: custom<Network | undefined>({ type: 'MemoryNetwork', default: undefined, accepts: isObject }),
} as const;

// A pure call, so that bundlers leave it out of web pages, which only have clients.
export const serverOptions = /* @__PURE__ */ (() =>
  ({
    ...addressOptions,
    ...peerOptions,
    /**
     * Passed to `net.Server.listen`, such as `readableAll` or `backlog`; `exclusive: false` shares a port in a cluster.
     */
    listenOptions: custom<object | undefined>({
      type: 'object',
      default: undefined,
      accepts: isObject,
    }),
    /**
     * Most connections; 0 means no limit. One more replaces the oldest session without a link, or else the newest
     * connection of the address that has the most, if the new one's has fewer; otherwise it gets `ERR_SERVER_FULL`.
     */
    max: integer({
      default: Infinity,
      min: 0,
      max: Infinity,
    }),
    /** Most links that are not authorized yet; one more closes the oldest of them. */
    maxUnauthorized: integer({ default: 256, min: 1, max: 1_000_000 }),
    /** Most bytes read from a client before it is authorized. */
    maxPreAuthBytes: integer({
      default: 65_536,
      min: 1_024,
      max: 2_147_483_648,
      unit: 'bytes',
    }),
    /**
     * Runs before `connect`; only `true` admits the client. Everything else refuses it with `ERR_UNAUTHORIZED` and the
     * text of the thrown error. A `BusError` `ERR_UNAVAILABLE` means "not now": the client retries.
     */
    authorize: callback<Authorize>({
      type: '(payload, peer) => boolean | Promise',
    }),
    /** Whether `authorize` can call `peer.credentials()`; on unix sockets. */
    credentials: flag({ default: false }),
    /** Creates the public ids of connections. Default: random ids. */
    generateID: callback<() => string>({
      type: '() => string',
    }),
    /** How long a session without a link waits for its client, unless the client's process is known to be gone. */
    sessionGraceMs: integer({
      default: 120_000,
      min: 0,
      max: 2_147_483_647,
      unit: 'ms',
    }),
    /** Most sessions without a link; one more ends the oldest of them. */
    maxDetached: integer({
      default: 10_000,
      min: 0,
      max: Infinity,
    }),
    /** Most sessions without a link from one address, one IPv6 network of 64 bits, or one unix socket. */
    maxDetachedPerAddress: integer({
      default: 5_000,
      min: 0,
      max: Infinity,
    }),
    /** How long a survey waits for a member after its link broke. */
    surveyGraceMs: integer({
      default: 1_000,
      min: 0,
      max: 2_147_483_647,
      unit: 'ms',
    }),
    /** Whether clients may compress their link. */
    compress: flag({ default: true }),
    /** Whether net-ipc clients may use MessagePack. */
    messagepack: flag({ default: true }),
    /** Accepted for compatibility with net-ipc; sessions resend by themselves. */
    retries: integer({
      default: 3,
      min: 0,
      max: Infinity,
    }),
    /** Whether `details` of errors are sent to clients; stacks are never sent. */
    exposeErrorDetails: flag({
      default: false,
    }),
  }) as const)();

export const clientOptions = {
  ...addressOptions,
  ...peerOptions,
  /** Opens the link by an HTTP upgrade, for proxies. */
  handshake: custom<boolean | { readonly host?: string; readonly path?: string } | undefined>({
    type: 'boolean or { host, path }',
    default: undefined,
    accepts: (value) => typeof value === 'boolean' || isObject(value),
  }),
  /** Asks for a compressed link. */
  compress: flag({ default: false }),
  /** MessagePack instead of JSON with a net-ipc server; busbar's own protocol always uses it. */
  messagepack: flag({ default: false }),
  /** Reconnects after a lost link, without a limit of attempts. */
  reconnect: flag({ default: true }),
  /** Further attempts of the first `connect()`. With `reconnect: false` the default is 0. */
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
   * What happens to unacknowledged messages of a lost session: they are reported in the `undelivered` event, or sent
   * again in the new session. Both use the object given to `send` in its present state: do not change it until it is
   * acknowledged.
   */
  onLost: oneOf({
    choices: ['report', 'resend'],
    default: 'report',
  }),
  /** Whether `details` of errors are sent to the server; stacks are never sent. */
  exposeErrorDetails: flag({
    default: false,
  }),
} as const;

/** The options of `new Server`. With a contract, `authorize` gets the contract's payload type. */
export type ServerOptions<C extends Contract = Untyped> = Omit<Given<typeof serverOptions>, 'authorize'> & {
  /** Runs before `connect`; only `true` admits the client. A `BusError` `ERR_UNAVAILABLE` refuses it for now. */
  readonly authorize?: Authorize<PayloadOf<C>> | undefined;
};
/** The options of `new Client`. */
export type ClientOptions = Given<typeof clientOptions>;
export type ResolvedServerOptions = Resolved<typeof serverOptions>;
export type ResolvedClientOptions = Resolved<typeof clientOptions>;
export type ResolvedPeerOptions = Resolved<typeof peerOptions>;
