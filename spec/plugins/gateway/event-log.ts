import type { WebServerMessage } from '../../../lib/plugins/gateway/gateway-event.ts';

export interface LoggedEvent {
  readonly event: string;
  readonly payload: WebServerMessage;
}

interface Source {
  onEvent(event: string, payload?: WebServerMessage): unknown;
}

/** Everything that passes the single dispatch point of a source, in order. */
export class EventLog {
  readonly events: LoggedEvent[] = [];
  #waiters: (() => void)[] = [];

  constructor(source: object) {
    const target = source as Source;
    const dispatch = target.onEvent.bind(source);
    target.onEvent = (event, payload) => {
      if (payload !== undefined) this.events.push({ event, payload });
      const result = dispatch(event, payload);
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const waiter of waiters) waiter();
      return result;
    };
  }

  get names(): string[] {
    return this.events.map(({ event }) => event);
  }

  of(event: string): WebServerMessage[] {
    return this.events.filter((each) => each.event === event).map(({ payload }) => payload);
  }

  /** Resolves with the payload of the `count`th event of this name. */
  async until(event: string, count = 1): Promise<WebServerMessage> {
    for (;;) {
      const found = this.of(event)[count - 1];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }
}
