import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { fromFailure, toFailure } from '../../../base/failure.ts';
import { codeOf } from '../../../base/thrown.ts';
import { inTime } from '../../../base/wait.ts';
import type { Withdrawal } from '../../../bus/plugin.ts';
import type { Provisions, ServedCall } from '../client/provisions.ts';
import type { Call } from './call.ts';
import type { Reach } from './reach.ts';

/** The hub as a member of its own: nothing is encoded, and what fails fails as it would elsewhere. */
export class LocalReach implements Reach {
  readonly #provisions: Provisions;
  readonly #clock: Clock;
  readonly #report: (error: unknown) => void;

  constructor(provisions: Provisions, clock: Clock, report: (error: unknown) => void) {
    this.#provisions = provisions;
    this.#clock = clock;
    this.#report = report;
  }

  call(call: Call, epoch: number, attempt: Withdrawal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      attempt.bind(reject);
      this.#run(() => this.#provisions.serve(served(call, epoch))).then(resolve, reject);
    });
  }

  notify(call: Call, epoch: number): void {
    this.#run(() => this.#provisions.serve(served(call, epoch))).catch((error: unknown) => this.#report(error));
  }

  open(service: string, key: string, epoch: number, state: unknown, withinMs: number): Promise<unknown> {
    return this.#within(withinMs, () => this.#provisions.open(service, key, epoch, state));
  }

  close(service: string, key: string, epoch: number, withinMs: number): Promise<unknown> {
    return this.#within(withinMs, () => this.#provisions.close(service, key, epoch));
  }

  lost(service: string, key: string, epoch: number): void {
    this.#provisions.lost(service, key, epoch);
  }

  load(): number {
    return 0;
  }

  replaced(): void {}

  callerGone(): void {}

  #within(ms: number, task: () => Promise<unknown>): Promise<unknown> {
    const late = (): BusError => new BusError('ERR_TIMEOUT');
    return inTime({ clock: this.#clock, ms, background: true }, this.#run(task), late);
  }

  /** Runs a callback of the user's a turn of promises later, as those of others are. */
  #run(task: () => unknown): Promise<unknown> {
    return Promise.resolve()
      .then(task)
      .catch((error: unknown) => {
        if (codeOf(error) === undefined) this.#report(error);
        throw fromFailure(toFailure(error));
      });
  }
}

function served({ service, key, method, args, caller, request }: Call, epoch: number): ServedCall {
  return { service, key, epoch, method, args, caller: caller.entry, request };
}
