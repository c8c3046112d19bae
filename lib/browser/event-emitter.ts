type Listener = (...args: never[]) => unknown;

interface Registered {
  readonly listener: Listener;
  readonly once: boolean;
}

/** Stands in for `eventemitter3` in web pages: those of its methods used here. */
export class EventEmitter {
  readonly #events = new Map<string, readonly Registered[]>();

  on(event: string, listener: Listener): this {
    return this.#add(event, { listener, once: false });
  }

  once(event: string, listener: Listener): this {
    return this.#add(event, { listener, once: true });
  }

  off(event: string, listener: Listener): this {
    return this.#keep(event, (each) => each.listener !== listener);
  }

  removeAllListeners(event?: string): this {
    if (event === undefined) this.#events.clear();
    else this.#events.delete(event);
    return this;
  }

  listenerCount(event: string): number {
    return this.#events.get(event)?.length ?? 0;
  }

  eventNames(): string[] {
    return [...this.#events.keys()];
  }

  emit(event: string, ...args: readonly unknown[]): boolean {
    const registered = this.#events.get(event);
    if (registered === undefined) return false;
    for (const each of registered) {
      if (each.once) this.#keep(event, (other) => other !== each);
      Reflect.apply(each.listener, this, args);
    }
    return true;
  }

  #add(event: string, registered: Registered): this {
    this.#events.set(event, [...(this.#events.get(event) ?? []), registered]);
    return this;
  }

  #keep(event: string, stays: (registered: Registered) => boolean): this {
    const left = this.#events.get(event)?.filter(stays) ?? [];
    if (left.length > 0) this.#events.set(event, left);
    else this.#events.delete(event);
    return this;
  }
}
