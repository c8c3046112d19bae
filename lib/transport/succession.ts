import type { Clock } from '../base/clock.ts';
import { type FileIdentity, isSame, knock } from './socket-file.ts';

/** How often, one look after the other, a successor has to answer. */
const answersWanted = 5;
/** How long it may be too busy to. */
const silentMs = 10_000;

/**
 * What an old server makes of another socket at its path: it hands over to one that keeps answering for a while, so
 * that a successor that dies at once leaves somebody.
 */
export class Succession {
  readonly #path: string;
  readonly #clock: Clock;
  #successor: FileIdentity | undefined;
  #since = 0;
  #answers = 0;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Whether a successor was seen that nothing has been handed over to. */
  get isOpen(): boolean {
    return this.#successor !== undefined;
  }

  /** `found`: the socket that stands at the path now. Says `failed` if nobody is behind it. */
  async look(found: FileIdentity | undefined): Promise<'done' | 'waits' | 'failed'> {
    if (found === undefined) return 'failed';
    if (!isSame(this.#successor, found)) {
      this.#successor = found;
      this.#since = this.#clock.now();
      this.#answers = 0;
    }
    const answer = await knock(this.#path, 'end');
    if (answer === undefined) {
      this.#answers += 1;
      return this.#answers >= answersWanted ? 'done' : 'waits';
    }
    if (answer === 'ECONNREFUSED' || answer === 'ENOENT') return 'failed';
    return this.#clock.now() - this.#since > silentMs ? 'failed' : 'waits';
  }

  /** There is none any more. */
  clear(): void {
    this.#successor = undefined;
  }
}
