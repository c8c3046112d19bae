import { guarded } from '../../../base/guarded.ts';

type Listener<Args extends readonly unknown[]> = (...args: Args) => unknown;

interface Held {
  readonly event: string;
  readonly args: readonly unknown[];
  readonly bytes: number;
}

const maxHeldEvents = 10_000;

export interface HeldEmitterOptions {
  readonly maxHeldBytes: number;
  /** A listener threw or rejected. */
  failed(error: unknown): void;
  /** An event was not kept: too much waits for a listener already. */
  overflow(event: string): void;
}

/**
 * Events that nobody hears yet are kept, within limits, and delivered in order once somebody listens; so whoever was
 * handed an end can add his listeners in the turn he got it, or later, and miss nothing.
 */
export class HeldEmitter<Events extends { [Name in keyof Events]: readonly unknown[] }> {
  readonly #options: HeldEmitterOptions;
  readonly #listeners = new Map<string, Listener<never>[]>();
  #held: Held[] = [];
  #heldBytes = 0;
  #flushing = false;

  constructor(options: HeldEmitterOptions) {
    this.#options = options;
  }

  on<Name extends keyof Events & string>(event: Name, listener: Listener<Events[Name]>): this {
    if (typeof listener !== 'function') throw new TypeError(`The listener of "${event}" must be a function`);
    // Replaced as a whole, so that an emit under way goes on with the listeners it began with.
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    if (this.#held.length > 0 && !this.#flushing) {
      this.#flushing = true;
      queueMicrotask(this.#flush);
    }
    return this;
  }

  once<Name extends keyof Events & string>(event: Name, listener: Listener<Events[Name]>): this {
    if (typeof listener !== 'function') return this.on(event, listener);
    const once: Listener<Events[Name]> = (...args) => {
      this.off(event, once);
      return listener(...args);
    };
    return this.on(event, once);
  }

  off<Name extends keyof Events & string>(event: Name, listener: Listener<Events[Name]>): this {
    const left = (this.#listeners.get(event) ?? []).filter((other) => other !== listener);
    if (left.length === 0) this.#listeners.delete(event);
    else this.#listeners.set(event, left);
    return this;
  }

  listenerCount(event: keyof Events & string): number {
    return this.#listeners.get(event)?.length ?? 0;
  }

  /** Raises `event`, or keeps it; `bytes` is what keeping it costs. For the owner of the emitter. */
  protected raise<Name extends keyof Events & string>(event: Name, bytes: number, ...args: Events[Name]): void {
    const listeners = this.#flushing ? undefined : this.#listeners.get(event);
    if (listeners === undefined) this.#hold({ event, args, bytes });
    else this.#call(listeners, args);
  }

  #hold(held: Held): void {
    if (this.#heldBytes + held.bytes > this.#options.maxHeldBytes || this.#held.length >= maxHeldEvents) {
      this.#options.overflow(held.event);
      return;
    }
    this.#held.push(held);
    this.#heldBytes += held.bytes;
  }

  readonly #flush = (): void => {
    const waiting = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const held of waiting) {
      const listeners = this.#listeners.get(held.event);
      if (listeners === undefined) this.#hold(held);
      else this.#call(listeners, held.args);
    }
    this.#flushing = false;
  };

  #call(listeners: readonly Listener<never>[], args: readonly unknown[]): void {
    for (const listener of listeners) guarded(() => listener(...(args as never)), this.#options.failed);
  }
}
