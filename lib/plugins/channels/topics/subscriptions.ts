import { BusError } from '../../../base/errors.ts';
import { guarded } from '../../../base/handling.ts';
import { checkPattern, TopicTree } from './topic-tree.ts';

export type TopicListener = (data: unknown, topic: string) => unknown;

/** A wish for topics that lasts until `unsubscribe`, over lost sessions too. */
export interface Subscription {
  readonly pattern: string;
  unsubscribe(): void;
}

interface SubscriptionsOptions {
  /** The first listener for a pattern came, or the last one went. */
  wanted(pattern: string, wanted: boolean): void;
  failed(error: unknown): void;
}

/** The topic listeners of one process; the source of the topics is notified of each pattern once. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #tree = new TopicTree<{ readonly listener: TopicListener }>();
  readonly #counts = new Map<string, number>();

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  get patterns(): Iterable<string> {
    return this.#counts.keys();
  }

  add(pattern: string, listener: TopicListener): Subscription {
    checkPattern(pattern);
    if (typeof listener !== 'function') {
      throw new BusError('ERR_INVALID_ARGUMENT', `The listener of "${pattern}" must be a function`);
    }
    const entry = { listener };
    this.#tree.add(pattern, entry);
    const count = this.#counts.get(pattern) ?? 0;
    this.#counts.set(pattern, count + 1);
    if (count === 0) this.#options.wanted(pattern, true);
    let active = true;
    const unsubscribe = (): void => {
      if (!active) return;
      active = false;
      this.#tree.remove(pattern, entry);
      this.#release(pattern);
    };
    return { pattern, unsubscribe };
  }

  deliver(topic: string, data: unknown): void {
    for (const { listener } of this.#tree.match(topic)) {
      guarded(() => listener(data, topic), this.#options.failed);
    }
  }

  #release(pattern: string): void {
    const left = (this.#counts.get(pattern) ?? 1) - 1;
    if (left > 0) {
      this.#counts.set(pattern, left);
      return;
    }
    this.#counts.delete(pattern);
    this.#options.wanted(pattern, false);
  }
}
