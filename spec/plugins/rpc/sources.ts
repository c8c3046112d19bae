import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
export const gc: unknown = runInNewContext('gc');

/** Collects garbage until `condition` holds. */
export async function collect(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn += 1) {
    if (turn === 200) throw new Error('it is not collected');
    if (typeof gc === 'function') gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Streams that count as open until they are told that nobody wants more. */
export class Sources {
  made = 0;
  open = 0;
  readonly files: Readable[] = [];

  /** Never ends by itself; `items` of it come at once. */
  endless(items = Number.POSITIVE_INFINITY): AsyncIterable<number> {
    let item = 0;
    let closed = false;
    this.made += 1;
    this.open += 1;
    return {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          closed
            ? Promise.resolve({ done: true, value: undefined })
            : item < items
              ? Promise.resolve({ done: false, value: item++ })
              : new Promise(() => undefined),
        return: () => {
          if (!closed) this.open -= 1;
          closed = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
  }

  /** A file that is open until it closes. */
  file(path = new URL(import.meta.url).pathname): Readable {
    this.made += 1;
    this.open += 1;
    return createReadStream(path).once('close', () => (this.open -= 1));
  }
}

export type Calls = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** Waits until what was begun has been seen by the other side, too. */
export async function settle(calls: Calls): Promise<void> {
  await calls['noop']?.();
  await new Promise((resolve) => setImmediate(resolve));
  await calls['noop']?.();
}
