import { custom, integer, type Resolved } from '../../base/options.ts';

/** How a consumer handles messages. */
export const consumerTable = {
  /** How many are handled at a time. */
  concurrency: integer({ default: 1, min: 1, max: 1_000 }),
  /** What of a message has to be in order: those of one key are handled one after the other, and wait for each other. */
  key: custom<((message: unknown) => unknown) | undefined>({
    type: 'function',
    default: undefined,
    accepts: (value) => typeof value === 'function',
  }),
  /** How often a message is tried before it becomes a dead letter; an attempt that the process did not survive counts. */
  maxAttempts: integer({ default: 5, min: 1, max: 65_534 }),
  /** Before the second attempt; each wait is twice the one before, 30 s at most. */
  retryMs: integer({ default: 100, min: 1, max: 30_000, unit: 'ms' }),
};

export type ConsumerOptions = Resolved<typeof consumerTable>;
