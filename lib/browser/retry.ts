interface RetryOptions {
  readonly retries: number;
  /** Nothing waits but `shouldRetry`. */
  readonly minTimeout?: number;
  readonly signal: AbortSignal;
  shouldRetry(context: { readonly error: Error; readonly attemptNumber: number }): Promise<boolean>;
}

/** The page's side of `#retry`, which is `p-retry` elsewhere: what of it is used here. */
export default async function retry<Result>(attempt: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  for (let attemptNumber = 1; ; attemptNumber++) {
    options.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      if (attemptNumber > options.retries) throw error;
      if (!(await options.shouldRetry({ error, attemptNumber }))) throw error;
    }
  }
}
