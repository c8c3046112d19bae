import { flag, type Given, integer } from '../../base/options.ts';

/** What a client's side of the plugin takes. */
export const remoteOptions = {
  /** Events queue until they are polled; false: handlers run at once. */
  deferred: flag({ default: false }),
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

export type RemoteWebOptions = Given<typeof remoteOptions>;
