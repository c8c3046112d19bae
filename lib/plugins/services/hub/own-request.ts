import type { Clock, Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { onAbort } from '../../../base/wait.ts';
import type { AskOptions } from '../../../bus/plugin.ts';
import type { CallRequest } from '../../rpc/internal.ts';

/** A call of the hub's own: no link brought it, and no session ends it. */
export class OwnRequest implements CallRequest {
  readonly peer: undefined;
  readonly #clock: Clock;
  readonly #expiresAt: number;
  readonly #ask: AskOptions;
  readonly #hooks: (() => void)[] = [];
  #controller: AbortController | undefined;
  #over: BusError | undefined;

  constructor(clock: Clock, ask: AskOptions) {
    this.#clock = clock;
    this.#ask = ask;
    this.#expiresAt = clock.now() + (ask.timeoutMs ?? Number.POSITIVE_INFINITY);
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#over !== undefined) this.#controller.abort(this.#over);
    return this.#controller.signal;
  }

  get deadline(): number | undefined {
    if (this.#expiresAt === Number.POSITIVE_INFINITY) return undefined;
    return Math.max(0, Math.round(this.#expiresAt - this.#clock.now()));
  }

  whenUnsent(hook: () => void): void {
    if (this.#over === undefined) this.#hooks.push(hook);
    else hook();
  }

  /** Settles as `answer` does, or with the timeout or the signal that the call was given. */
  settle(answer: Promise<unknown>): Promise<unknown> {
    const { timeoutMs, signal } = this.#ask;
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      let stop: (() => void) | undefined;
      const end = (): void => {
        timer?.cancel();
        stop?.();
      };
      const giveUp = (error: BusError): void => {
        end();
        this.#over = error;
        this.#controller?.abort(error);
        for (const hook of this.#hooks) hook();
        reject(error);
      };
      if (signal?.aborted === true) {
        giveUp(new BusError('ERR_ABORTED', undefined, { cause: signal.reason }));
        return;
      }
      if (timeoutMs !== undefined) timer = this.#clock.setTimer(() => giveUp(new BusError('ERR_TIMEOUT')), timeoutMs);
      if (signal !== undefined) {
        stop = onAbort(signal, () => giveUp(new BusError('ERR_ABORTED', undefined, { cause: signal.reason })));
      }
      answer.finally(end).then(resolve, reject);
    });
  }
}
