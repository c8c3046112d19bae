import type { Entry } from '../../session/replay-buffer.ts';
import type { UndeliveredMessage } from '../events.ts';

/** What a client sent in sessions that were lost and nobody acknowledged: it is sent again in the next one, or reported. */
export class Leftovers {
  readonly #resends: boolean;
  readonly #undelivered: (messages: UndeliveredMessage[]) => void;
  #waiting: Entry[] = [];

  constructor(onLost: 'report' | 'resend', undelivered: (messages: UndeliveredMessage[]) => void) {
    this.#resends = onLost === 'resend';
    this.#undelivered = undelivered;
  }

  /** Of a session that is to be followed by another one. */
  add(left: readonly Entry[]): void {
    if (this.#resends) this.#waiting.push(...left);
    else this.report(left);
  }

  /** What the next session is to send first. */
  take(): Entry[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  report(left: readonly Entry[]): void {
    if (left.length > 0) this.#undelivered(left.map(({ data }) => ({ data })));
  }
}
