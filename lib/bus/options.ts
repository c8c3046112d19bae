import type { Clock } from '../base/clock.ts';
import { callback, custom, flag, type Given, integer, oneOf, type Resolved, text } from '../base/options.ts';
import { type Random, systemRandom } from '../base/random.ts';
import { systemClock } from '../base/system-clock.ts';
import type { Authorize } from './authorize.ts';

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

const mebibyte = 1_048_576;

/** Where the bus lives; one of `url`, `path` or `port` (with `host`). */
export const addressOptions = {
  url: text({
    doc: 'Address as one string: `host:port`, `unix:path`, `pipe:name`, `tcp:host:port`, `tls:host:port` or `memory:name`.',
  }),
  path: text({
    doc: "Path of the unix socket (`net-ipc` if no address is given), relative to the working directory; on Windows the pipe's name.",
  }),
  port: custom<number | undefined>({
    type: 'integer',
    default: undefined,
    accepts: (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535,
    doc: 'TCP port; 0 lets a server pick a free one.',
  }),
  host: text({ doc: 'TCP host, loopback unless given.' }),
  tls: custom<boolean | object | undefined>({
    type: 'boolean or object',
    default: undefined,
    accepts: (value) => typeof value === 'boolean' || isObject(value),
    doc: 'Speaks TLS over TCP; an object is passed to `node:tls`.',
  }),
  options: custom<object | undefined>({
    type: 'object',
    default: undefined,
    accepts: isObject,
    doc: 'Passed to `node:net` or `node:tls`, such as `cert`, `key`, `ca` or `pskCallback`.',
  }),
} as const;

/** What both ends take. */
export const peerOptions = {
  maxMessageBytes: integer({
    default: 16 * mebibyte,
    min: 1_024,
    max: 2_147_483_648,
    unit: 'bytes',
    doc: 'Largest message this end takes, after inflating; a larger one closes the link.',
  }),
  maxDepth: integer({ default: 64, min: 1, max: 10_000, doc: 'How deep a message may nest.' }),
  maxUnackedBytes: integer({
    default: 16 * mebibyte,
    min: 1_024,
    max: 2_147_483_648,
    unit: 'bytes',
    doc: 'Bytes to one peer that it has not acknowledged; when they are reached, `send` waits.',
  }),
  maxPendingMessages: integer({
    default: 10_000,
    min: 1,
    max: 1_000_000,
    doc: 'Frames to one peer that it has not acknowledged; when they are reached, `send` waits.',
  }),
  maxOpenRequests: integer({
    default: 16_384,
    min: 1,
    max: 1_000_000,
    doc: 'Requests of one peer that are being answered; one more is refused with `ERR_QUEUE_FULL`.',
  }),
  slowConsumer: oneOf({
    choices: ['wait', 'drop-oldest', 'drop-newest', 'disconnect'],
    default: 'wait',
    doc: 'What happens to a peer that takes nothing for `slowConsumerMs`, after its `slow` event: its sends go on waiting, the oldest or newest waiting messages are dropped, or it is disconnected.',
  }),
  slowConsumerMs: integer({
    default: 10_000,
    min: 10,
    max: 2_147_483_647,
    unit: 'ms',
    doc: 'How long a peer may take nothing of what waits for it.',
  }),
  heartbeatIntervalMs: integer({
    default: 15_000,
    min: 0,
    max: 2_147_483_647,
    unit: 'ms',
    doc: 'Silence after which the peer is asked for a sign of life; 0 never asks.',
  }),
  heartbeatTimeoutMs: integer({
    default: 15_000,
    min: 1,
    max: 2_147_483_647,
    unit: 'ms',
    doc: 'How long the peer may take for that sign before its link is closed as dead.',
  }),
  handshakeTimeoutMs: integer({
    default: 5_000,
    min: 1,
    max: 2_147_483_647,
    unit: 'ms',
    doc: 'How long opening a link may take, authorisation included.',
  }),
  closeTimeoutMs: integer({
    default: 10_000,
    min: 0,
    max: 2_147_483_647,
    unit: 'ms',
    doc: 'How long `close()` waits for what is owed before it closes all the same.',
  }),
  native: flag({ default: true, doc: "Offers busbar's own protocol, with sessions; `false` speaks net-ipc only." }),
  trusted: custom<boolean | undefined>({
    type: 'boolean',
    default: undefined,
    accepts: (value) => typeof value === 'boolean',
    doc: 'Whether the peer may define record structures for faster MessagePack; unless given, on unix sockets, pipes and memory only.',
  }),
  clock: custom<Clock>({ type: 'Clock', default: systemClock, accepts: isObject, doc: 'Time, for tests.' }),
  random: custom<Random>({ type: 'Random', default: systemRandom, accepts: isObject, doc: 'Randomness, for tests.' }),
  network: custom<object | undefined>({
    type: 'MemoryNetwork',
    default: undefined,
    accepts: isObject,
    doc: 'Where `memory:` addresses live, for tests; one for the whole process unless given.',
  }),
} as const;

// A pure call, so that bundlers leave it out of web pages, which only have clients.
export const serverOptions = /* @__PURE__ */ (() =>
  ({
    ...addressOptions,
    ...peerOptions,
    listenOptions: custom<object | undefined>({
      type: 'object',
      default: undefined,
      accepts: isObject,
      doc: 'Passed to `net.Server.listen`, such as `readableAll` or `backlog`.',
    }),
    max: integer({
      default: 10_000,
      min: 0,
      max: Infinity,
      doc: 'Most connections; one more is refused with `ERR_SERVER_FULL`.',
    }),
    maxUnauthorized: integer({
      default: 256,
      min: 1,
      max: 1_000_000,
      doc: 'Most links that are not authorised yet; at one more the oldest of them makes room.',
    }),
    maxPreAuthBytes: integer({
      default: 65_536,
      min: 1_024,
      max: 2_147_483_648,
      unit: 'bytes',
      doc: 'Bytes taken from a client before it is authorised.',
    }),
    authorize: callback<Authorize>({
      type: '(payload, peer) => boolean | void | Promise',
      doc: 'Runs before `connect`; `false`, a throw or a rejection refuses the client with `ERR_UNAUTHORIZED` and that text.',
    }),
    generateID: callback<() => string>({
      type: '() => string',
      doc: 'Makes the public ids of connections, random unless given.',
    }),
    sessionGraceMs: integer({
      default: 120_000,
      min: 0,
      max: 2_147_483_647,
      unit: 'ms',
      doc: 'How long a session whose link broke waits for its client.',
    }),
    surveyGraceMs: integer({
      default: 1_000,
      min: 0,
      max: 2_147_483_647,
      unit: 'ms',
      doc: 'How long a survey waits for a member whose link broke.',
    }),
    compress: flag({ default: true, doc: 'Whether clients may have their link compressed.' }),
    messagepack: flag({ default: true, doc: 'Whether net-ipc clients may use MessagePack.' }),
    retries: integer({
      default: 3,
      min: 0,
      max: Infinity,
      doc: "Taken for net-ipc's sake; sessions send again by themselves.",
    }),
    exposeErrorDetails: flag({
      default: false,
      doc: 'Whether `details` of errors travel to clients; stacks never do.',
    }),
  }) as const)();

export const clientOptions = {
  ...addressOptions,
  ...peerOptions,
  handshake: custom<boolean | { readonly host?: string; readonly path?: string } | undefined>({
    type: 'boolean or { host, path }',
    default: undefined,
    accepts: (value) => typeof value === 'boolean' || isObject(value),
    doc: 'Opens through an HTTP upgrade, for proxies.',
  }),
  compress: flag({ default: false, doc: 'Asks for a compressed link.' }),
  messagepack: flag({
    default: false,
    doc: "MessagePack instead of JSON towards a net-ipc server; busbar's own protocol always uses it.",
  }),
  reconnect: flag({ default: true, doc: 'Comes back after a lost link, for as long as it takes.' }),
  retries: integer({
    default: 3,
    min: 0,
    max: Infinity,
    doc: 'Attempts to connect the first time, after the first attempt.',
  }),
  maxRetryTime: integer({
    default: 10_000,
    min: 100,
    max: Infinity,
    unit: 'ms',
    doc: 'Longest wait between two attempts to connect.',
  }),
  onLost: oneOf({
    choices: ['report', 'resend'],
    default: 'report',
    doc: 'What happens to messages nobody acknowledged when a session is lost: the `undelivered` event, or sending them again in the new session.',
  }),
  exposeErrorDetails: flag({
    default: false,
    doc: 'Whether `details` of errors travel to the server; stacks never do.',
  }),
} as const;

/** The options of `new Server`. */
export type ServerOptions = Given<typeof serverOptions>;
/** The options of `new Client`. */
export type ClientOptions = Given<typeof clientOptions>;
export type ResolvedServerOptions = Resolved<typeof serverOptions>;
export type ResolvedClientOptions = Resolved<typeof clientOptions>;
export type ResolvedPeerOptions = Resolved<typeof peerOptions>;
