import type { Clock, Timer } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { Handling } from '../../base/handling.ts';
import type { Session } from '../../session/session.ts';

export interface WelcomeOptions {
  readonly clock: Clock;
  readonly handshakeTimeoutMs: number;
}

/** Keeps what a new client says until those who welcome it are done, or one begins to read it; for a while at most. */
export class Welcome {
  readonly #session: Session;
  readonly #options: WelcomeOptions;
  #timer: Timer | undefined;
  #isOver = false;
  #after: (() => void) | undefined;

  constructor(session: Session, options: WelcomeOptions) {
    this.#session = session;
    this.#options = options;
    session.shut();
  }

  /** `call` tells them, and `late` hears when they take longer than a handshake may. */
  begin(call: (handling: Handling) => void, late: (error: BusError) => void): void {
    const handling = new Handling(() => this.end());
    call(handling);
    handling.done();
    if (this.#isOver) return;
    const { clock, handshakeTimeoutMs: ms } = this.#options;
    const text = `The connect listeners take more than ${ms} ms: the client's messages are delivered from now on`;
    const giveUp = (): void => {
      late(new BusError('ERR_TIMEOUT', text));
      this.end();
    };
    this.#timer = clock.setTimer(giveUp, ms, true);
  }

  /** Somebody reads: the end follows this turn, in which others may begin to listen too. */
  reading(): void {
    if (!this.#isOver) this.#options.clock.defer(() => this.end());
  }

  /** Whether `then` is put off until this is over, since the last words of a client that is gone are still to be heard. */
  putsOff(then: () => void): boolean {
    if (this.#isOver || !this.#session.hasUnheard) return false;
    this.#after = then;
    return true;
  }

  /** Delivers what came, and what comes. */
  end(): void {
    if (this.#isOver) return;
    this.cancel();
    this.#session.open();
    this.#after?.();
  }

  cancel(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }
}
