import { BusError } from '../../../base/errors.ts';
import { isThenable } from '../../../base/handling.ts';
import type { ConsumeKey } from '../../../bus/plugin.ts';
import { custom, integer, type Resolved } from '../../../base/options.ts';

/** How a consumer handles messages. */
export const consumerTable = {
  /** How many messages are handled at a time. */
  concurrency: integer({ default: 1, min: 1, max: 1_000 }),
  /** The key of a message: messages with the same key are handled one after the other. */
  key: custom<((message: unknown) => ConsumeKey) | undefined>({
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

/**
 * What messages have in common that are handled in order. Without a key, all are of one line where they are handled one at a
 * time, and else each is of its own, as `unlike` is of no other.
 * @throws BusError `ERR_INVALID_ARGUMENT` for a key that is like no other, such as a promise, and what `key` throws.
 */
export function lineOf({ key, concurrency }: ConsumerOptions, message: unknown, unlike: object): unknown {
  if (key === undefined) return concurrency === 1 ? undefined : unlike;
  const line: unknown = key(message);
  if ((typeof line !== 'object' || line === null) && typeof line !== 'function') return line;
  // Nobody is to learn of it by an unhandled rejection.
  if (isThenable(line)) line.then(undefined, () => {});
  throw new BusError('ERR_INVALID_ARGUMENT', 'The key of a message is a string, a number or another primitive value');
}
