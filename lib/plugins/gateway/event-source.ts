import type { Clock, Timer } from '../../base/clock.ts';
import { asBusError, type BusError } from '../../base/errors.ts';
import { isThenable } from '../../base/guarded.ts';
import { EventQueue } from './event-queue.ts';
import type { AnyEventName, EventHandler, GatewayEventName, WebServerMessage } from './gateway-event.ts';
import { serverClientId, webServerMessage } from './gateway-event.ts';

export interface EventSourceOptions {
  readonly deferred: boolean;
  readonly pollIntervalMs: number;
  readonly maxQueuedEvents: number;
  readonly maxQueuedBytes: number;
  readonly clock: Clock;
}

const nobody: readonly Handler[] = [];

type Handler = (event: AnyEventName, payload?: WebServerMessage) => unknown;

/**
 * Where events come from: they queue until `processDeferredEvents`, or arrive at once. A handler is a listener given to
 * `on`, a method of a subclass named as the event, or an override of `onEvent`, which sees them all but the polls.
 */
export abstract class EventSource<Name extends AnyEventName> {
  readonly #options: EventSourceOptions;
  readonly #queue: EventQueue;
  readonly #handlers = new Map<AnyEventName, readonly Handler[]>();
  #poll: Timer | undefined;
  #processing = false;
  #holding = false;

  protected constructor(options: EventSourceOptions) {
    this.#options = options;
    this.#queue = new EventQueue({ maxEvents: options.maxQueuedEvents, maxBytes: options.maxQueuedBytes });
  }

  on<Event extends Name>(event: Event, handler: EventHandler<Event>): this {
    const before = this.#handlers.get(event) ?? [];
    this.#handlers.set(event, [...before, handler as Handler]);
    return this;
  }

  once<Event extends Name>(event: Event, handler: EventHandler<Event>): this {
    const wrapped = (name: AnyEventName, payload?: WebServerMessage): unknown => {
      this.off(event, wrapped as EventHandler<Event>);
      return (handler as Handler)(name, payload);
    };
    return this.on(event, wrapped as EventHandler<Event>);
  }

  off<Event extends Name>(event: Event, handler: EventHandler<Event>): this {
    const before = this.#handlers.get(event) ?? [];
    this.#handlers.set(
      event,
      before.filter((each) => each !== handler),
    );
    return this;
  }

  /** Events that wait for the next poll. */
  get queuedEvents(): number {
    return this.#queue.size;
  }

  /**
   * Where every event passes, the polls of `ASYNC_POLLING_UPDATE` aside. Handlers that throw or reject are reported as
   * `UNKNOWN_OR_INVALID_WEBSERVER_EVENT`; a promise that comes back settles when all of them are done, and never rejects.
   */
  onEvent(event: AnyEventName, payload?: WebServerMessage): void | Promise<void> {
    return this.#tell(event, payload);
  }

  /** Calls the method named as the event, and the listeners. */
  #tell(event: AnyEventName, payload?: WebServerMessage): void | Promise<void> {
    let wait: Promise<void> | undefined;
    const own: unknown = Reflect.get(this, event);
    if (typeof own === 'function') wait = this.#run(own.bind(this) as Handler, event, payload);
    for (const handler of this.#handlers.get(event) ?? nobody) {
      const other = this.#run(handler, event, payload);
      if (other !== undefined) wait = wait === undefined ? other : wait.then(() => other);
    }
    return wait;
  }

  /** Delivers what is queued now, then `ASYNC_POLLING_UPDATE`; called from within a handler it does nothing. */
  processDeferredEvents(): void {
    if (this.#processing) return;
    this.#processing = true;
    for (let left = this.#queue.size; left > 0; left--) {
      const event = this.#queue.shift();
      if (event !== undefined) void this.#deliver(event.name, event.payload);
    }
    if (this.#holding && this.#queue.roomy) {
      this.#holding = false;
      this.letGo();
    }
    // No event, but the end of a poll: `onEvent` does not see it.
    void this.#tell('ASYNC_POLLING_UPDATE');
    this.#processing = false;
  }

  /** True while the queue is full and clients are held back. */
  protected get holding(): boolean {
    return this.#holding;
  }

  /** Queues the event, or delivers it where events are not deferred. */
  protected raise(name: GatewayEventName, payload: WebServerMessage): void {
    void this.raiseAndWait(name, payload);
  }

  /** The same, with the promise of handlers that were called at once and take their time. */
  protected raiseAndWait(name: GatewayEventName, payload: WebServerMessage): void | Promise<void> {
    if (!this.#options.deferred) return this.#deliver(name, payload);
    this.#queue.push({ name, payload });
    if (this.#holding || !this.#queue.full) return;
    this.#holding = true;
    this.holdBack();
    const size = String(this.#queue.size);
    void this.#deliver('EVENT_QUEUE_FULL', webServerMessage('EVENT_QUEUE_FULL', serverClientId, size));
  }

  /** Reports a failure that belongs to no call. Where nobody listens for it, it becomes a process warning. */
  protected report(error: unknown, clientID?: string): void {
    const known = asBusError(error, 'ERR_LISTENER');
    if (!this.raiseFailure(known, clientID)) process.emitWarning(known);
  }

  /** Raises the event of a failure; false where nobody listens for it. */
  protected raiseFailure(error: BusError, clientID: string = serverClientId): boolean {
    const name = 'UNKNOWN_OR_INVALID_WEBSERVER_EVENT';
    const heard = (this.#handlers.get(name)?.length ?? 0) > 0 || Reflect.has(this, name);
    if (heard) this.raise(name, webServerMessage(name, clientID, error.message, { error }));
    return heard;
  }

  protected startPolling(): void {
    if (!this.#options.deferred) return;
    const { clock, pollIntervalMs } = this.#options;
    const tick = (): void => {
      this.#poll = clock.setTimer(tick, pollIntervalMs);
      this.processDeferredEvents();
    };
    this.#poll?.cancel();
    this.#poll = clock.setTimer(tick, 0);
  }

  /** Ends the polling with one last poll. */
  protected stopPolling(): void {
    this.#poll?.cancel();
    this.#poll = undefined;
    this.processDeferredEvents();
  }

  /** The queue is full: stop reading from clients. */
  protected abstract holdBack(): void;

  /** There is room again. */
  protected abstract letGo(): void;

  /** A handler threw or rejected. */
  protected handlerFailed(_event: AnyEventName, payload: WebServerMessage | undefined, error: unknown): void {
    this.report(error, payload?.clientID);
  }

  #deliver(event: AnyEventName, payload?: WebServerMessage): void | Promise<void> {
    try {
      return this.onEvent(event, payload);
    } catch (error) {
      this.#failed(event, payload, error);
    }
  }

  /** The promise of a handler that takes its time; it never rejects. */
  #run(handler: Handler, event: AnyEventName, payload: WebServerMessage | undefined): Promise<void> | undefined {
    try {
      const result = payload === undefined ? handler(event) : handler(event, payload);
      if (!isThenable(result)) return undefined;
      return Promise.resolve(result).then(
        () => undefined,
        (error: unknown) => this.#failed(event, payload, error),
      );
    } catch (error) {
      this.#failed(event, payload, error);
      return undefined;
    }
  }

  #failed(event: AnyEventName, payload: WebServerMessage | undefined, error: unknown): void {
    if (event === 'UNKNOWN_OR_INVALID_WEBSERVER_EVENT') process.emitWarning(asBusError(error, 'ERR_LISTENER'));
    else this.handlerFailed(event, payload, error);
  }
}
