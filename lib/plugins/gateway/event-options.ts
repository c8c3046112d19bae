import type { Clock } from '../../base/clock.ts';
import { custom, flag, integer, oneOf, type Resolved, text } from '../../base/options.ts';
import { systemClock } from '../../base/system-clock.ts';
import type { HttpListenerOptions } from '../../transport/http-listener.ts';

/** The port of both servers when none is named. */
export const DEFAULT_PORT = 9001;

/** Where a server listens, and what it takes from anyone who connects. */
export const listenOptions = {
  /** The address to listen on. */
  host: text({ default: '127.0.0.1' }),
  /** Options of tls.createServer, such as key and cert: the server then speaks HTTPS or WSS. */
  tls: custom<object | undefined>({
    type: 'an object',
    default: undefined,
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
  /** Open sockets; more are closed as they come. */
  maxConnections: integer({ default: 10_000, min: 1 }),
  /** Largest header section. */
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
  /** Events that may wait for a poll. */
  maxQueuedEvents: integer({ default: 10_000, min: 1 }),
  /** Bytes that may wait for a poll. */
  maxQueuedBytes: integer({ default: 16_777_216, min: 1, unit: 'bytes' }),
};

/** What both servers take: how their events arrive, and where they listen. */
export const eventOptions = {
  /** Events queue until they are polled; false: handlers run at once. */
  deferred: flag({ default: true }),
  ...queueOptions,
  /** A full queue holds clients back and refuses new ones with 503; "close" also closes those that send. */
  whenQueueFull: oneOf({
    choices: ['wait', 'close'],
    default: 'wait',
  }),
  ...listenOptions,
  /** Where time comes from. */
  clock: custom<Clock>({
    type: 'a clock',
    default: systemClock,
    accepts: (value) => typeof value === 'object' && value !== null && 'setTimer' in value,
  }),
};

/** How long connections that were told to go have to read their last answer. */
export const farewellMs = 1000;

/** The listener of a server, which sweeps a few times in the shortest of its timeouts. */
export function listenerOptions(
  name: string,
  settings: Resolved<typeof listenOptions> & { readonly clock: Clock; readonly idleTimeoutMs: number },
  shortestMs = 1000,
): HttpListenerOptions {
  const { clock, tls, maxConnections, maxHeaderBytes, maxHeaders, headersTimeoutMs, idleTimeoutMs } = settings;
  const sweepMs = Math.max(5, Math.min(1000, Math.floor(shortestMs / 4)));
  const limits = { maxConnections, maxHeaderBytes, maxHeaders, headersTimeoutMs };
  return { name, clock, tls, ...limits, keepAliveMs: idleTimeoutMs, sweepMs };
}
