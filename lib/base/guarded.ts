/** Whether `value` is a promise or the like, of whichever realm. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/**
 * Runs `task`, a callback of the user's whose result nobody waits for: what it throws or rejects with goes to `failed`,
 * with `about`.
 */
export function guarded<About>(
  task: () => unknown,
  failed: (error: unknown, about?: About) => void,
  about?: About,
): void {
  try {
    const result = task();
    if (isThenable(result)) result.then(undefined, (error: unknown) => failed(error, about));
  } catch (error) {
    failed(error, about);
  }
}
