import type { Clock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import type { Control } from '../wire/control.ts';

/** An unknown node is asked who it is, once in this time. */
const againMs = 200;

interface Question {
  readonly incarnation: number;
  readonly nonce: number;
  readonly at: number;
}

export interface IntroductionsOptions {
  readonly maxNodes: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Asks a node who it is. */
  hello(node: string, incarnation: number, nonce: number): void;
}

/** Who was asked who it is. What was never asked is not an answer, so nothing that was said before can be one again. */
export class Introductions {
  readonly #options: IntroductionsOptions;
  readonly #asked = new Map<string, Question>();

  constructor(options: IntroductionsOptions) {
    this.#options = options;
  }

  /** Whether one that was asked just now has not answered. */
  get isAwaited(): boolean {
    const since = this.#options.clock.now() - againMs;
    return [...this.#asked.values()].some(({ at }) => at > since);
  }

  ask(node: string, incarnation: number): void {
    const { clock, hello, maxNodes, random } = this.#options;
    if (!this.#asked.has(node) && this.#asked.size >= maxNodes) this.#forgetOldest();
    const nonce = Math.floor(random.unit() * 2 ** 48);
    this.#asked.set(node, { incarnation, nonce, at: clock.now() });
    hello(node, incarnation, nonce);
  }

  /** Unless it was asked just now; true if it was not. */
  askStranger(node: string, incarnation: number): boolean {
    const asked = this.#asked.get(node);
    if (asked !== undefined && this.#options.clock.now() - asked.at < againMs) return false;
    this.ask(node, incarnation);
    return true;
  }

  /** Whether this answers what was asked; once. */
  answered([, node, incarnation, nonce]: Extract<Control, readonly ['welcome', ...unknown[]]>): boolean {
    const asked = this.#asked.get(node);
    return asked?.incarnation === incarnation && asked.nonce === nonce && this.#asked.delete(node);
  }

  #forgetOldest(): void {
    for (const [oldest] of this.#asked) {
      this.#asked.delete(oldest);
      return;
    }
  }
}
