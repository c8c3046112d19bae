import type { Emitters } from '../base/emitter.ts';
import { isThenable, type Handling } from '../base/handling.ts';

type Name = string | symbol;
type Listener = (...args: never[]) => unknown;
type Callable = (...args: unknown[]) => unknown;

interface Registered {
  readonly listener: Callable;
  readonly target: unknown;
  readonly once: boolean;
}

/** The page's side of `#emitter`, without eventemitter3: the same calls, in less code. */
export abstract class BusEmitter<Events extends object> {
  readonly #events = new Map<Name, readonly Registered[]>();
  #handled: { readonly event: Name; readonly handling: Handling } | undefined;

  on<Event extends keyof Events & string>(event: Event, listener: Events[Event], context?: unknown): this;
  on(event: symbol, listener: Listener, context?: unknown): this;
  on(event: Name, listener: unknown, context?: unknown): this {
    return this.#add(event, listener, context, false);
  }

  addListener<Event extends keyof Events & string>(event: Event, listener: Events[Event], context?: unknown): this;
  addListener(event: symbol, listener: Listener, context?: unknown): this;
  addListener(event: Name, listener: unknown, context?: unknown): this {
    return this.#add(event, listener, context, false);
  }

  once<Event extends keyof Events & string>(event: Event, listener: Events[Event], context?: unknown): this;
  once(event: symbol, listener: Listener, context?: unknown): this;
  once(event: Name, listener: unknown, context?: unknown): this {
    return this.#add(event, listener, context, true);
  }

  prependListener<Event extends keyof Events & string>(event: Event, listener: Events[Event]): this;
  prependListener(event: symbol, listener: Listener): this;
  prependListener(event: Name, listener: unknown): this {
    return this.#add(event, listener, undefined, false, true);
  }

  prependOnceListener<Event extends keyof Events & string>(event: Event, listener: Events[Event]): this;
  prependOnceListener(event: symbol, listener: Listener): this;
  prependOnceListener(event: Name, listener: unknown): this {
    return this.#add(event, listener, undefined, true, true);
  }

  off(event: Name, listener?: unknown, context?: unknown, once = false): this {
    return this.#set(
      event,
      this.#of(event).filter(
        (each) =>
          (listener !== undefined && each.listener !== listener) ||
          (context !== undefined && each.target !== context) ||
          (once && !each.once),
      ),
    );
  }

  removeListener(event: Name, listener?: unknown, context?: unknown, once?: boolean): this {
    return this.off(event, listener, context, once);
  }

  removeAllListeners(event?: Name): this {
    if (event === undefined) this.#events.clear();
    else this.#events.delete(event);
    return this;
  }

  listeners(event: Name): Callable[] {
    return this.#of(event).map(({ listener }) => listener);
  }

  rawListeners(event: Name): Callable[] {
    return this.listeners(event);
  }

  listenerCount(event: Name): number {
    return this.#of(event).length;
  }

  eventNames(): Name[] {
    return [...this.#events.keys()];
  }

  setMaxListeners(): this {
    return this;
  }

  getMaxListeners(): number {
    return 1 / 0;
  }

  emit(event: Name, ...args: readonly unknown[]): boolean {
    const registered = this.#of(event);
    for (const each of registered) {
      if (each.once) {
        this.#set(
          event,
          this.#of(event).filter((other) => other !== each),
        );
      }
      this.#call(event, each, args);
    }
    return registered.length > 0;
  }

  protected fire(event: keyof Events & string, ...args: readonly unknown[]): boolean {
    try {
      return this.emit(event, ...args);
    } catch (error) {
      this.listenerFailed(event, error, args);
      return true;
    }
  }

  protected fireHandled(handling: Handling, event: keyof Events & string, ...args: readonly unknown[]): void {
    const before = this.#handled;
    this.#handled = { event, handling };
    this.fire(event, ...args);
    this.#handled = before;
  }

  protected listenerComes(_event: Name): void {}

  protected abstract listenerFailed(event: Name, error: unknown, args: readonly unknown[]): void;

  #call(event: Name, { listener, target }: Registered, args: readonly unknown[]): void {
    const failed = (error: unknown): void => this.listenerFailed(event, error, args);
    const call = (): unknown => Reflect.apply(listener, target, args);
    if (this.#handled?.event === event) {
      this.#handled.handling.run(call, failed);
      return;
    }
    try {
      const result = call();
      if (isThenable(result)) result.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  #of(event: Name): readonly Registered[] {
    return this.#events.get(event) ?? [];
  }

  #add(event: Name, listener: unknown, context: unknown, once: boolean, first = false): this {
    if (!isFunction(listener)) throw new TypeError(`The listener of "${String(event)}" must be a function`);
    const one = { listener, target: context ?? this, once };
    this.listenerComes(event);
    const others = this.#of(event);
    return this.#set(event, first ? [one, ...others] : [...others, one]);
  }

  #set(event: Name, registered: readonly Registered[]): this {
    if (registered.length > 0) this.#events.set(event, registered);
    else this.#events.delete(event);
    return this;
  }
}

({ BusEmitter }) satisfies Emitters;

const isFunction = (value: unknown): value is Callable => typeof value === 'function';
