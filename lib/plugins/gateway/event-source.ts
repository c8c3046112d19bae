import type { Clock, Timer } from '../../base/clock.ts';
import { asBusError, type BusError } from '../../base/errors.ts';
import { isThenable } from '../../base/handling.ts';
import { Queue } from '../../base/queue.ts';
import {
  type AnyEventName,
  type EventHandler,
  type GatewayEventName,
  type WebServerMessage,
  serverClientId,
  webServerMessage,
} from './gateway-event.ts';

export interface EventSourceOptions {
  readonly deferred: boolean;
  readonly pollIntervalMs: number;
  readonly maxQueuedEvents: number;
  readonly maxQueuedBytes: number;
  readonly clock: Clock;
}

/** Receives failures that belong to no call. Without one, failures that no handler takes become process warnings. */
export interface FailureOutlet {
  report(error: BusError): void;
  /** Whether this failure of a handler repeats one that was reported. */
  saidBefore(error: unknown): boolean;
}

interface QueuedEvent {
  readonly name: GatewayEventName;
  readonly payload: WebServerMessage;
}

type Handler = (event: AnyEventName, payload?: WebServerMessage) => unknown;

/** A handler as it was given, and what is called for it. */
interface Registered {
  readonly handler: unknown;
  readonly run: Handler;
}

const nobody: readonly Registered[] = [];

/**
 * Delivers events to handlers: at once, or queued until `processDeferredEvents`. A handler is a listener given to `on`, a
 * method of a subclass named as the event, or an override of `onEvent`, which sees every event except the polls.
 *
 * The queue takes every event, since the end of a connection must not be lost; it is bounded because senders are paused
 * while it is full. This is not the guarded emitter of `base`, because it waits for the promises of handlers.
 */
export abstract class EventSource<Name extends AnyEventName> {
  readonly #options: EventSourceOptions;
  readonly #outlet: FailureOutlet | undefined;
  readonly #queue = new Queue<QueuedEvent>();
  #queuedBytes = 0;
  readonly #handlers = new Map<AnyEventName, readonly Registered[]>();
  #poll: Timer | undefined;
  #processing = false;
  #full = false;

  protected constructor(options: EventSourceOptions, outlet?: FailureOutlet) {
    this.#options = options;
    this.#outlet = outlet;
  }

  on<Event extends Name>(event: Event, handler: EventHandler<Event>): this {
    return this.#add(event, handler, handler as Handler);
  }

  once<Event extends Name>(event: Event, handler: EventHandler<Event>): this {
    const run: Handler = (name, payload) => {
      this.#remove(event, (each) => each.run === run);
      return (handler as Handler)(name, payload);
    };
    return this.#add(event, handler, run);
  }

  off<Event extends Name>(event: Event, handler: EventHandler<Event>): this {
    this.#remove(event, (each) => each.handler === handler);
    return this;
  }

  #add(event: AnyEventName, handler: unknown, run: Handler): this {
    if (typeof handler !== 'function') throw new TypeError(`The listener of "${event}" must be a function`);
    this.#handlers.set(event, [...(this.#handlers.get(event) ?? nobody), { handler, run }]);
    return this;
  }

  #remove(event: AnyEventName, isMeant: (registered: Registered) => boolean): void {
    const left = (this.#handlers.get(event) ?? nobody).filter((each) => !isMeant(each));
    this.#handlers.set(event, left);
  }

  /** How many events wait for the next poll. */
  get queuedEvents(): number {
    return this.#queue.length;
  }

  /**
   * Delivers every event except the polls of `ASYNC_POLLING_UPDATE`. Handlers that throw or reject are reported as
   * `UNKNOWN_OR_INVALID_WEBSERVER_EVENT`. Returns a promise if a handler did; it settles with the last one and never rejects.
   */
  onEvent(event: AnyEventName, payload?: WebServerMessage): void | Promise<void> {
    return this.#tell(event, payload);
  }

  /** Calls the method named as the event, and the listeners. */
  #tell(event: AnyEventName, payload?: WebServerMessage): void | Promise<void> {
    let wait: Promise<void> | undefined;
    const own: unknown = Reflect.get(this, event);
    if (typeof own === 'function') wait = this.#run(own.bind(this) as Handler, event, payload);
    for (const { run } of this.#handlers.get(event) ?? nobody) {
      const other = this.#run(run, event, payload);
      if (other !== undefined) wait = wait === undefined ? other : wait.then(() => other);
    }
    return wait;
  }

  /** Delivers the events queued so far, then `ASYNC_POLLING_UPDATE`. Does nothing when called from a handler. */
  processDeferredEvents(): void {
    if (this.#processing) return;
    this.#processing = true;
    for (let left = this.#queue.length; left > 0; left--) {
      const event = this.#queue.shift();
      if (event === undefined) break;
      this.#queuedBytes -= event.payload.message.length;
      void this.#deliver(event.name, event.payload);
    }
    if (this.#full && this.#uses(1 / 2)) {
      this.#full = false;
      this.resumeSenders();
    }
    // Not an event but the end of a poll: `onEvent` does not see it.
    void this.#tell('ASYNC_POLLING_UPDATE');
    this.#processing = false;
  }

  /** True from the moment the queue is full until half of it is free again. */
  protected get queueFull(): boolean {
    return this.#full;
  }

  /** Queues the event, or delivers it if events are not deferred. */
  protected raise(name: GatewayEventName, payload: WebServerMessage): void {
    void this.raiseAndWait(name, payload);
  }

  /** As `raise`; returns the promise of handlers that were called at once and are still busy. */
  protected raiseAndWait(name: GatewayEventName, payload: WebServerMessage): void | Promise<void> {
    if (!this.#options.deferred) return this.#deliver(name, payload);
    this.#queue.push({ name, payload });
    this.#queuedBytes += payload.message.length;
    const { maxQueuedEvents, maxQueuedBytes } = this.#options;
    if (this.#full || (this.#queue.length < maxQueuedEvents && this.#queuedBytes < maxQueuedBytes)) return;
    this.#full = true;
    this.pauseSenders();
    const size = String(this.#queue.length);
    void this.#deliver('EVENT_QUEUE_FULL', webServerMessage('EVENT_QUEUE_FULL', serverClientId, size));
  }

  /** Reports a failure that belongs to no call: to the outlet, and as an event if there is a handler for it. */
  protected report(failure: unknown, clientID: string = serverClientId): void {
    const name = 'UNKNOWN_OR_INVALID_WEBSERVER_EVENT';
    const error = asBusError(failure, 'ERR_LISTENER');
    const heard = (this.#handlers.get(name)?.length ?? 0) > 0 || Reflect.has(this, name);
    this.#outlet?.report(error);
    if (heard) this.raise(name, webServerMessage(name, clientID, error.message, { error }));
    else if (this.#outlet === undefined) process.emitWarning(error);
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

  /** Stops polling after one last poll. */
  protected stopPolling(): void {
    this.#poll?.cancel();
    this.#poll = undefined;
    this.processDeferredEvents();
  }

  /** The queue is full: reading from clients stops, where that is possible. */
  protected pauseSenders(): void {}

  /** Half of the queue is free again. */
  protected resumeSenders(): void {}

  /** A handler threw or rejected. */
  protected handlerFailed(_event: AnyEventName, payload: WebServerMessage | undefined, error: unknown): void {
    if (this.#outlet?.saidBefore(error) !== true) this.report(error, payload?.clientID);
  }

  /** Whether the queue uses at most this part of its limits. */
  #uses(part: number): boolean {
    const { maxQueuedEvents, maxQueuedBytes } = this.#options;
    return this.#queue.length <= maxQueuedEvents * part && this.#queuedBytes <= maxQueuedBytes * part;
  }

  #deliver(event: AnyEventName, payload?: WebServerMessage): void | Promise<void> {
    try {
      return this.onEvent(event, payload);
    } catch (error) {
      this.#failed(event, payload, error);
    }
  }

  /** Calls a handler; returns its promise, made so that it never rejects. */
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
