import { custom, integer, type Resolved } from '../../../base/options.ts';

/** How a consumer handles messages. */
export const consumerTable = {
  /** How many messages are handled at a time. */
  concurrency: integer({ default: 1, min: 1, max: 1_000 }),
  /** The key of a message: messages with the same key are handled one after the other. */
  key: custom<((message: unknown) => unknown) | undefined>({
    type: 'function',
    default: undefined,
    accepts: (value) => typeof value === 'function',
  }),
  /**
   * How often a message is tried before it becomes a dead letter; an attempt that the process did not survive counts.
   */
  maxAttempts: integer({ default: 5, min: 1, max: 65_534 }),
  /** Delay before the second attempt; each delay is twice the one before, up to 30 s. */
  retryMs: integer({ default: 100, min: 1, max: 30_000, unit: 'ms' }),
};

export type ConsumerOptions = Resolved<typeof consumerTable>;
