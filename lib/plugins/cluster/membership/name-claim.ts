import type { Clock, Timer } from '../../../base/clock.ts';

/** Who has a name already says so within this time, and so does another one that wants it. */
const settleMs = 60;

export interface NameClaimOptions {
  readonly clock: Clock;
  /** How long one who has the name may be silent. */
  readonly silentMs: number;
  /** Asks the owner of the name to answer; `nobody` is called if no one listens there. */
  ask(nobody: () => void): void;
  /** From now on this node answers those who ask. */
  taken(): void;
  won(): void;
  lost(): void;
}

/** How a node gets its name: nobody answers for it, then nobody says no. */
export class NameClaim {
  readonly #options: NameClaimOptions;
  #state: 'new' | 'asking' | 'settling' | 'won' | 'lost' = 'new';
  #answers = false;
  #timer: Timer | undefined;

  constructor(options: NameClaimOptions) {
    this.#options = options;
  }

  get isWon(): boolean {
    return this.#state === 'won';
  }

  begin(): void {
    const { ask, silentMs } = this.#options;
    if (this.#state === 'won' || this.#state === 'lost') return;
    this.#state = 'asking';
    if (this.#answers) {
      this.#settle();
      return;
    }
    this.#after(silentMs, () => this.#settle());
    ask(() => {
      if (this.#state === 'asking') this.#settle();
    });
  }

  /** Until it begins again. */
  pause(): void {
    this.#timer?.cancel();
  }

  /** Another node has the name. */
  refuse(): void {
    if (this.#state === 'lost') return;
    this.#state = 'lost';
    this.#timer?.cancel();
    this.#options.lost();
  }

  #settle(): void {
    this.#state = 'settling';
    if (!this.#answers) this.#options.taken();
    this.#answers = true;
    this.#options.ask(() => {});
    this.#after(settleMs, () => {
      this.#state = 'won';
      this.#options.won();
    });
  }

  #after(ms: number, then: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(then, ms, true);
  }
}
