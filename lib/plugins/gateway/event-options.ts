import type { Clock } from '../../base/clock.ts';
import { custom, flag, integer, oneOf, text } from '../../base/options.ts';
import { systemClock } from '../../base/system-clock.ts';

/** The port of both servers when none is named. */
export const DEFAULT_PORT = 9001;

/** Where a server listens, and what it takes from anyone who connects. */
export const listenOptions = {
  host: text({ default: '127.0.0.1', doc: 'The address to listen on.' }),
  tls: custom<object | undefined>({
    type: 'an object',
    default: undefined,
    doc: 'Options of tls.createServer, such as key and cert: the server then speaks HTTPS or WSS.',
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
  maxConnections: integer({ default: 10_000, min: 1, doc: 'Open sockets; more are closed as they come.' }),
  maxHeaderBytes: integer({ default: 4096, min: 256, max: 1_048_576, unit: 'bytes', doc: 'Largest header section.' }),
  maxHeaders: integer({ default: 100, min: 1, max: 10_000, doc: 'Most header fields in one request.' }),
  headersTimeoutMs: integer({ default: 10_000, min: 1, unit: 'ms', doc: 'Time a client has to send its headers.' }),
};

/** What both servers take: how their events arrive, and where they listen. */
export const eventOptions = {
  deferred: flag({ default: true, doc: 'Events queue until they are polled; false: handlers run at once.' }),
  pollIntervalMs: integer({
    default: 16,
    min: 1,
    max: 60_000,
    unit: 'ms',
    doc: 'Time between two polls of the queue.',
  }),
  maxQueuedEvents: integer({ default: 10_000, min: 1, doc: 'Events that may wait for a poll.' }),
  maxQueuedBytes: integer({ default: 16_777_216, min: 1, unit: 'bytes', doc: 'Bytes that may wait for a poll.' }),
  whenQueueFull: oneOf({
    choices: ['wait', 'close'],
    default: 'wait',
    doc: 'A full queue holds clients back and refuses new ones with 503; "close" also closes those that send.',
  }),
  ...listenOptions,
  clock: custom<Clock>({
    type: 'a clock',
    default: systemClock,
    doc: 'Where time comes from.',
    accepts: (value) => typeof value === 'object' && value !== null && 'setTimer' in value,
  }),
};
