import type { Observable } from 'rxjs';

/** A source that is so far ahead of its reader is an error: observables cannot be held back. */
const mostAhead = 10_000;

/** The values of an observable as they come. Who leaves early unsubscribes. */
export async function* valuesOf<T>(source: Observable<T>): AsyncGenerator<T> {
  const arrived: T[] = [];
  let ended: { readonly error?: unknown } | undefined;
  let wake = (): void => {};
  const end = (how: { readonly error?: unknown }): void => {
    ended ??= how;
    wake();
  };
  const subscription = source.subscribe({
    next(value) {
      if (arrived.push(value) > mostAhead) end({ error: new Error('The reader is too slow') });
      wake();
    },
    error: (error: unknown) => end({ error }),
    complete: () => end({}),
  });
  try {
    for (;;) {
      while (arrived.length > 0) yield arrived.shift() as T;
      if (ended !== undefined) break;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if ('error' in ended) throw ended.error;
  } finally {
    subscription.unsubscribe();
  }
}
