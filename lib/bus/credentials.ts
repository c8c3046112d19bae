import type { Clock } from '../base/clock.ts';
import { asBusError, BusError } from '../base/errors.ts';
import { inTime } from '../base/wait.ts';

/** What a client shows its server: as it was given to `connect()`, or asked for before each opening. */
export class Credentials {
  /** What to show now. */
  payload: unknown;
  readonly #ask: (() => unknown) | undefined;
  readonly #clock: Clock;
  readonly #withinMs: number;

  constructor(given: unknown, clock: Clock, withinMs: number) {
    this.#ask = typeof given === 'function' ? (): unknown => Reflect.apply(given, undefined, []) : undefined;
    this.payload = this.#ask === undefined ? given : undefined;
    this.#clock = clock;
    this.#withinMs = withinMs;
  }

  /**
   * Asks anew. Rejects what the function fails with (a `BusError`, else `ERR_LISTENER` with that as its cause), `ERR_TIMEOUT`,
   * or the reason of `signal`. undefined: nobody has to be asked.
   */
  renew(signal: AbortSignal): Promise<void> | undefined {
    const ask = this.#ask;
    if (ask === undefined) return undefined;
    const asked = new Promise((resolve) => resolve(ask())).catch((error: unknown) => {
      throw asBusError(error, 'ERR_LISTENER');
    });
    const late = (): BusError =>
      new BusError('ERR_TIMEOUT', `The payload of connect() did not come within ${this.#withinMs} ms`);
    return inTime({ clock: this.#clock, ms: this.#withinMs, signal }, asked, late).then((payload) => {
      this.payload = payload;
    });
  }
}
