import { type Clock, longestTimerMs, type Timer } from '../../base/clock.ts';
import type { Answer } from './frame.ts';

/** What is asked for: one answer of each node, or the number of its clients that will acknowledge, which do so then. */
export type Wanted = Exclude<Answer[0], 'ack'>;

interface Asked {
  /** By node; a number is that of its clients that have yet to acknowledge. */
  readonly owed: Map<string, Wanted | number>;
  readonly timer: Timer;
}

/** Who owes which answers to the requests of one adapter: what nobody was asked for, or says twice, counts for nothing. */
export class OwedAnswers {
  readonly #clock: Clock;
  readonly #asked = new Map<string, Asked>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ask(request: string, nodes: Iterable<string>, wanted: Wanted, ms: number): void {
    const timer = this.#clock.setTimer(() => this.#asked.delete(request), Math.min(ms, longestTimerMs), true);
    this.#asked.set(request, { owed: new Map([...nodes].map((node) => [node, wanted])), timer });
  }

  /** Whether the answer is owed; it is not any more then. */
  settle(answer: Answer): boolean {
    const [kind, node, , request] = answer;
    const due = this.#asked.get(request)?.owed.get(node);
    if (kind === 'ack') {
      if (typeof due !== 'number') return false;
      this.#owe(request, node, due - 1);
    } else {
      if (due !== kind) return false;
      this.#owe(request, node, answer[0] === 'count' ? answer[4] : 0);
    }
    return true;
  }

  /** A node is gone. Returns the requests of which it did not say how many of its clients will acknowledge. */
  forget(node: string): string[] {
    const uncounted: string[] = [];
    for (const [request, { owed }] of this.#asked) {
      if (owed.get(node) === 'count') uncounted.push(request);
      this.#owe(request, node, 0);
    }
    return uncounted;
  }

  clear(): void {
    for (const { timer } of this.#asked.values()) timer.cancel();
    this.#asked.clear();
  }

  #owe(request: string, node: string, acknowledgements: number): void {
    const asked = this.#asked.get(request);
    if (asked === undefined) return;
    if (acknowledgements > 0) asked.owed.set(node, acknowledgements);
    else asked.owed.delete(node);
    if (asked.owed.size > 0) return;
    asked.timer.cancel();
    this.#asked.delete(request);
  }
}
