import type { Given, Resolved } from '../../base/options.ts';
import { integer } from '../../base/options.ts';
import { eventOptions } from './event-options.ts';

export const httpServerOptions = {
  ...eventOptions,
  /** Time a connection may stay without a request. */
  idleTimeoutMs: integer({ default: 10_000, min: 1, unit: 'ms' }),
  /** The span over which a body must keep its pace. */
  bodyTimeoutMs: integer({
    default: 10_000,
    min: 1,
    unit: 'ms',
  }),
  /** The pace a body must keep; 0: any byte. */
  minBodyBytesPerSecond: integer({ default: 16_384, unit: 'bytes/s' }),
  /** Largest request body; else 413. */
  maxBodyBytes: integer({ default: 16_777_216, max: Infinity, unit: 'bytes' }),
  /** Requests that may wait for an answer; else 503. */
  maxRequests: integer({ default: 10_000, min: 1 }),
  /** Unanswered requests on one connection; else it is closed. */
  maxPipelinedRequests: integer({
    default: 8,
    min: 1,
  }),
  /** Time to begin an answer, else 504; 0: no limit. */
  responseTimeoutMs: integer({ default: 120_000, unit: 'ms' }),
  /** Time a client may take nothing of an answer. */
  drainTimeoutMs: integer({ default: 30_000, min: 1, unit: 'ms' }),
  /** Unsent bytes of one streamed answer. */
  maxBufferedBytes: integer({
    default: 16_777_216,
    min: 1,
    unit: 'bytes',
  }),
};

export type HttpServerOptions = Given<typeof httpServerOptions>;
export type HttpServerSettings = Resolved<typeof httpServerOptions>;
