import type { Given, Resolved } from '../../base/options.ts';
import { integer } from '../../base/options.ts';
import { eventOptions } from './event-options.ts';

export const httpServerOptions = {
  ...eventOptions,
  idleTimeoutMs: integer({ default: 10_000, min: 1, unit: 'ms', doc: 'Time a connection may stay without a request.' }),
  bodyTimeoutMs: integer({
    default: 10_000,
    min: 1,
    unit: 'ms',
    doc: 'The span over which a body must keep its pace.',
  }),
  minBodyBytesPerSecond: integer({ default: 16_384, unit: 'bytes/s', doc: 'The pace a body must keep; 0: any byte.' }),
  maxBodyBytes: integer({ default: 16_777_216, max: Infinity, unit: 'bytes', doc: 'Largest request body; else 413.' }),
  maxRequests: integer({ default: 10_000, min: 1, doc: 'Requests that may wait for an answer; else 503.' }),
  maxPipelinedRequests: integer({
    default: 8,
    min: 1,
    doc: 'Unanswered requests on one connection; else it is closed.',
  }),
  responseTimeoutMs: integer({ default: 120_000, unit: 'ms', doc: 'Time to begin an answer, else 504; 0: no limit.' }),
  drainTimeoutMs: integer({ default: 30_000, min: 1, unit: 'ms', doc: 'Time a client may take nothing of an answer.' }),
  maxBufferedBytes: integer({
    default: 16_777_216,
    min: 1,
    unit: 'bytes',
    doc: 'Unsent bytes of one streamed answer.',
  }),
};

export type HttpServerOptions = Given<typeof httpServerOptions>;
export type HttpServerSettings = Resolved<typeof httpServerOptions>;
