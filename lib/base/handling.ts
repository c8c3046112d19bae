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

/** Why what was handled failed; as an object, since anything may be thrown. */
export interface HandlingFailure {
  readonly error: unknown;
}

/**
 * What was given to any number of listeners and loops. It is handled when all of them have returned and their promises
 * have settled, even if some failed.
 */
export class Handling {
  readonly #over: (handlers: number, failure: HandlingFailure | undefined) => void;
  #handlers = 0;
  /** Those that are not done yet, and the one that distributes it. */
  #open = 1;
  #failure: HandlingFailure | undefined;

  /** `over` hears, once, how many had it and what the first one that failed failed with. */
  constructor(over: (handlers: number, failure: HandlingFailure | undefined) => void) {
    this.#over = over;
  }

  /** One more has it; one of `done`, `failed` and `dropped` follows. */
  begin(): void {
    this.#handlers += 1;
    this.#open += 1;
  }

  /** One of them is done; so is, in the end, the one that distributes it. */
  done(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#over(this.#handlers, this.#failure);
  }

  failed(error: unknown): void {
    this.#failure ??= { error };
    this.done();
  }

  /** One of them left without having looked at it. */
  dropped(): void {
    this.#handlers -= 1;
    this.done();
  }

  /** One more has it until what `task` returns has settled; `report` learns of an error before that counts. */
  run(task: () => unknown, report: (error: unknown) => void): void {
    const fail = (error: unknown): void => {
      report(error);
      this.failed(error);
    };
    this.begin();
    let settled: Promise<unknown> | undefined;
    try {
      const result = task();
      // A promise of the platform's settles once, whatever a thenable does.
      if (isThenable(result)) settled = Promise.resolve(result);
    } catch (error) {
      fail(error);
      return;
    }
    if (settled === undefined) this.done();
    else settled.then(() => this.done(), fail);
  }
}
