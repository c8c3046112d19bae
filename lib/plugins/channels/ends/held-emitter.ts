import { BusEmitter } from '#emitter';

interface Held<Event> {
  readonly event: Event;
  readonly args: readonly unknown[];
  readonly bytes: number;
}

const maxHeldEvents = 10_000;

/** The arguments of each event. */
type Arguments<Events> = { readonly [Name in keyof Events]: readonly unknown[] };

export interface HeldEmitterOptions {
  readonly maxHeldBytes: number;
  /** A listener threw or rejected. */
  failed(error: unknown): void;
  /** An event was not kept: too much waits for a listener already. */
  overflow(event: string): void;
}

/**
 * Events without a listener are kept, within limits, and delivered in order when there is one; so listeners of a new
 * end can be added in the same turn, or later, and miss nothing.
 */
export class HeldEmitter<Events extends Arguments<Events>> extends BusEmitter<{
  [Name in keyof Events]: (...args: Events[Name]) => unknown;
}> {
  readonly #options: HeldEmitterOptions;
  #held: Held<keyof Events & string>[] = [];
  #heldBytes = 0;
  #flushing = false;

  constructor(options: HeldEmitterOptions) {
    super();
    this.#options = options;
  }

  /** Raises `event`, or keeps it; `bytes` is what keeping it costs. For the owner of the emitter. */
  protected raise<Name extends keyof Events & string>(event: Name, bytes: number, ...args: Events[Name]): void {
    if (this.#flushing || this.listenerCount(event) === 0) this.#hold({ event, args, bytes });
    else this.fire(event, ...args);
  }

  /** @internal */
  protected override listenerComes(_event: string | symbol): void {
    if (this.#held.length === 0 || this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(this.#flush);
  }

  protected override listenerFailed(_event: string | symbol, error: unknown): void {
    this.#options.failed(error);
  }

  #hold(held: Held<keyof Events & string>): void {
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
      if (this.listenerCount(held.event) === 0) this.#hold(held);
      else this.fire(held.event, ...held.args);
    }
    this.#flushing = false;
  };
}
