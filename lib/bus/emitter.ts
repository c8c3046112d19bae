import { EventEmitter } from 'eventemitter3';
import { isThenable } from './incoming.ts';

type Listener = (...args: never[]) => unknown;

/** The events of one class: names and the listeners' signatures. */
export type EventMap = { readonly [name: string]: Listener };

/**
 * An event emitter whose listeners cannot hurt the code that emits: one that throws or rejects is reported to
 * `listenerFailed`, and the others are still called.
 */
export abstract class BusEmitter<Events extends object> {
  readonly #emitter = new EventEmitter();
  /** Made for the first listener: most connections never have one. */
  #guards: WeakMap<object, Map<string, (...args: unknown[]) => void>> | undefined;

  on<Name extends keyof Events & string>(event: Name, listener: Events[Name]): this {
    this.#emitter.on(event, this.#guard(event, listener));
    return this;
  }

  addListener<Name extends keyof Events & string>(event: Name, listener: Events[Name]): this {
    return this.on(event, listener);
  }

  once<Name extends keyof Events & string>(event: Name, listener: Events[Name]): this {
    this.#emitter.once(event, this.#guard(event, listener));
    return this;
  }

  off<Name extends keyof Events & string>(event: Name, listener?: Events[Name]): this {
    if (listener === undefined) this.#emitter.removeAllListeners(event);
    else this.#emitter.off(event, this.#guard(event, listener));
    return this;
  }

  removeListener<Name extends keyof Events & string>(event: Name, listener?: Events[Name]): this {
    return this.off(event, listener);
  }

  removeAllListeners(event?: keyof Events & string): this {
    this.#emitter.removeAllListeners(event);
    return this;
  }

  listenerCount(event: keyof Events & string): number {
    return this.#emitter.listenerCount(event);
  }

  eventNames(): string[] {
    return this.#emitter.eventNames().map(String);
  }

  /** Calls the listeners of `event`; false when there are none. */
  protected fire(event: keyof Events & string, ...args: readonly unknown[]): boolean {
    return this.#emitter.emit(event, ...args);
  }

  /** A listener of `event`, called with `args`, threw or rejected. Must not throw. */
  protected abstract listenerFailed(event: string, error: unknown, args: readonly unknown[]): void;

  #guard(event: string, listener: unknown): (...args: unknown[]) => void {
    if (typeof listener !== 'function') throw new TypeError(`The listener of "${event}" must be a function`);
    this.#guards ??= new WeakMap();
    let guards = this.#guards.get(listener);
    if (guards === undefined) {
      guards = new Map();
      this.#guards.set(listener, guards);
    }
    let guarded = guards.get(event);
    if (guarded === undefined) {
      const failed = (error: unknown, args: readonly unknown[]): void => this.listenerFailed(event, error, args);
      guarded = (...args) => {
        try {
          const result: unknown = Reflect.apply(listener, this, args);
          if (isThenable(result)) result.then(undefined, (error: unknown) => failed(error, args));
        } catch (error) {
          failed(error, args);
        }
      };
      guards.set(event, guarded);
    }
    return guarded;
  }
}
