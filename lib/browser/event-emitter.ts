type Name = string | symbol;
type Listener = (...args: never[]) => unknown;

interface Registered {
  readonly listener: Listener;
  readonly once: boolean;
}

/** Stands in for `eventemitter3` in web pages: those of its methods used here. */
export class EventEmitter {
  readonly #events = new Map<Name, readonly Registered[]>();

  on(event: Name, listener: Listener): this {
    return this.#add(event, { listener, once: false });
  }

  once(event: Name, listener: Listener): this {
    return this.#add(event, { listener, once: true });
  }

  off(event: Name, listener: Listener): this {
    return this.#keep(event, (each) => each.listener !== listener);
  }

  removeAllListeners(event?: Name): this {
    if (event === undefined) this.#events.clear();
    else this.#events.delete(event);
    return this;
  }

  listeners(event: Name): Listener[] {
    return this.#registered(event).map(({ listener }) => listener);
  }

  listenerCount(event: Name): number {
    return this.#registered(event).length;
  }

  eventNames(): Name[] {
    return [...this.#events.keys()];
  }

  emit(event: Name, ...args: readonly unknown[]): boolean {
    const registered = this.#registered(event);
    for (const each of registered) {
      if (each.once) this.#keep(event, (other) => other !== each);
      Reflect.apply(each.listener, this, args);
    }
    return registered.length > 0;
  }

  #registered(event: Name): readonly Registered[] {
    return this.#events.get(event) ?? [];
  }

  #add(event: Name, registered: Registered): this {
    this.#events.set(event, [...this.#registered(event), registered]);
    return this;
  }

  #keep(event: Name, stays: (registered: Registered) => boolean): this {
    const left = this.#registered(event).filter(stays);
    if (left.length > 0) this.#events.set(event, left);
    else this.#events.delete(event);
    return this;
  }
}
