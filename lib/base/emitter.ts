import { EventEmitter } from 'eventemitter3';
import { isThenable, type Handling } from './handling.ts';

type Name = string | symbol;
type AnyListener = (...args: never[]) => unknown;
type Registered = (...args: unknown[]) => unknown;

/** The events of one class: names and the listeners' signatures. */
export type EventMap = { readonly [name: string]: AnyListener };

/** Both sides of `#emitter`. */
export interface Emitters {
  readonly BusEmitter: abstract new <Events extends object>() => Emitter<Events>;
}

export interface Emitter<Events extends object> {
  on<Event extends keyof Events & string>(event: Event, listener: Events[Event], context?: unknown): this;
  on(event: symbol, listener: AnyListener, context?: unknown): this;
  addListener<Event extends keyof Events & string>(event: Event, listener: Events[Event], context?: unknown): this;
  addListener(event: symbol, listener: AnyListener, context?: unknown): this;
  once<Event extends keyof Events & string>(event: Event, listener: Events[Event], context?: unknown): this;
  once(event: symbol, listener: AnyListener, context?: unknown): this;
  prependListener<Event extends keyof Events & string>(event: Event, listener: Events[Event]): this;
  prependListener(event: symbol, listener: AnyListener): this;
  prependOnceListener<Event extends keyof Events & string>(event: Event, listener: Events[Event]): this;
  prependOnceListener(event: symbol, listener: AnyListener): this;
  off(event: Name, listener?: AnyListener, context?: unknown, once?: boolean): this;
  removeListener(event: Name, listener?: AnyListener, context?: unknown, once?: boolean): this;
  removeAllListeners(event?: Name): this;
  listeners(event: Name): Registered[];
  rawListeners(event: Name): Registered[];
  listenerCount(event: Name): number;
  eventNames(): Name[];
  emit(event: Name, ...args: unknown[]): boolean;
  setMaxListeners(count: number): this;
  getMaxListeners(): number;
}

/** What is registered in a listener's place. */
interface Guard {
  (...args: unknown[]): void;
  readonly listener: Registered;
  readonly context: unknown;
  readonly once: boolean;
}

/**
 * An event emitter whose listeners cannot hurt the code that emits: one that throws or rejects is reported to
 * `listenerFailed`, and the others are still called. Subclasses and others may emit events of their own, by any name;
 * listeners of those with a string for a name are typed by the subclass.
 */
export abstract class BusEmitter<Events extends object> extends EventEmitter {
  /** What is being fired to listeners somebody waits for. */
  #handled: { readonly event: Name; readonly handling: Handling } | undefined;

  override on<Event extends keyof Events & string>(event: Event, listener: Events[Event], context?: unknown): this;
  override on(event: symbol, listener: AnyListener, context?: unknown): this;
  override on(event: Name, listener: unknown, context?: unknown): this {
    return super.on(event, this.#guard(event, listener, context, false));
  }

  override addListener<Event extends keyof Events & string>(
    event: Event,
    listener: Events[Event],
    context?: unknown,
  ): this;
  override addListener(event: symbol, listener: AnyListener, context?: unknown): this;
  override addListener(event: Name, listener: unknown, context?: unknown): this {
    return super.on(event, this.#guard(event, listener, context, false));
  }

  override once<Event extends keyof Events & string>(event: Event, listener: Events[Event], context?: unknown): this;
  override once(event: symbol, listener: AnyListener, context?: unknown): this;
  override once(event: Name, listener: unknown, context?: unknown): this {
    return super.once(event, this.#guard(event, listener, context, true));
  }

  prependListener<Event extends keyof Events & string>(event: Event, listener: Events[Event]): this;
  prependListener(event: symbol, listener: AnyListener): this;
  prependListener(event: Name, listener: unknown): this {
    return this.#prepend(event, this.#guard(event, listener, undefined, false));
  }

  prependOnceListener<Event extends keyof Events & string>(event: Event, listener: Events[Event]): this;
  prependOnceListener(event: symbol, listener: AnyListener): this;
  prependOnceListener(event: Name, listener: unknown): this {
    return this.#prepend(event, this.#guard(event, listener, undefined, true));
  }

  /** Takes all registrations of `listener` away; without one, all listeners of `event`. */
  override off(event: Name, listener?: AnyListener, context?: unknown, once = false): this {
    if (listener === undefined) return super.removeAllListeners(event);
    for (const guard of this.#guards(event)) {
      if (guard !== listener && guard.listener !== listener) continue;
      if (context !== undefined && guard.context !== context) continue;
      if (guard.once || !once) super.off(event, guard);
    }
    return this;
  }

  override removeListener(event: Name, listener?: AnyListener, context?: unknown, once = false): this {
    return this.off(event, listener, context, once);
  }

  override listeners(event: Name): Registered[] {
    return this.#guards(event).map(({ listener }) => listener);
  }

  /** As `listeners`; here, as what follows, for those who take this for an emitter of Node's. */
  rawListeners(event: Name): Registered[] {
    return this.listeners(event);
  }

  /** Changes nothing: there is no limit. */
  setMaxListeners(_count: number): this {
    return this;
  }

  getMaxListeners(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** Calls the listeners of `event`; false when there are none. Never throws, whatever a subclass made of `emit`. */
  protected fire(event: keyof Events & string, ...args: readonly unknown[]): boolean {
    try {
      return this.emit(event, ...args);
    } catch (error) {
      this.listenerFailed(event, error, args);
      return true;
    }
  }

  /** As `fire`; each listener has it in hand until what it returned has settled. */
  protected fireHandled(handling: Handling, event: keyof Events & string, ...args: readonly unknown[]): void {
    const before = this.#handled;
    this.#handled = { event, handling };
    this.fire(event, ...args);
    this.#handled = before;
  }

  /** @internal A listener of `event` is about to be added, by whichever method. */
  protected listenerComes(_event: Name): void {}

  /** A listener of `event`, called with `args`, threw or rejected. Must not throw. */
  protected abstract listenerFailed(event: Name, error: unknown, args: readonly unknown[]): void;

  #guards(event: Name): Guard[] {
    return super.listeners(event).filter(isGuard);
  }

  #guard(event: Name, listener: unknown, context: unknown, once: boolean): Guard {
    if (!isFunction(listener)) throw new TypeError(`The listener of "${String(event)}" must be a function`);
    const failed = (error: unknown, args: readonly unknown[]): void => this.listenerFailed(event, error, args);
    const target = context ?? this;
    const guard = (...args: unknown[]): void => {
      if (this.#handled?.event === event) {
        this.#handled.handling.run(
          () => Reflect.apply(listener, target, args),
          (error) => failed(error, args),
        );
        return;
      }
      try {
        const result: unknown = Reflect.apply(listener, target, args);
        if (isThenable(result)) result.then(undefined, (error: unknown) => failed(error, args));
      } catch (error) {
        failed(error, args);
      }
    };
    this.listenerComes(event);
    return Object.assign(guard, { listener, context, once });
  }

  #prepend(event: Name, first: Guard): this {
    const guards = [first, ...this.#guards(event)];
    super.removeAllListeners(event);
    for (const guard of guards) {
      if (guard.once) super.once(event, guard);
      else super.on(event, guard);
    }
    return this;
  }
}

({ BusEmitter }) satisfies Emitters;

/** The emitter for objects that plugins hand out: what a listener fails with goes to `report`, and the others are still called. */
export class GuardedEmitter<Events extends object> extends BusEmitter<Events> {
  readonly #report: (error: unknown) => void;

  constructor(report: (error: unknown) => void) {
    super();
    this.#report = report;
  }

  protected override listenerFailed(_event: Name, error: unknown): void {
    this.#report(error);
  }
}

const isFunction = (value: unknown): value is Registered => typeof value === 'function';
const isGuard = (listener: object): listener is Guard => 'listener' in listener;
