import { Queue } from '../../base/queue.ts';
import type { GatewayEventName, WebServerMessage } from './gateway-event.ts';

export interface QueuedEvent {
  readonly name: GatewayEventName;
  readonly payload: WebServerMessage;
}

export interface EventQueueLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/**
 * Events that wait for the next poll, in order. It takes every event, because the end of a connection must not be lost;
 * its owner keeps it bounded by holding its clients back while `full` says so.
 */
export class EventQueue {
  readonly #limits: EventQueueLimits;
  readonly #events = new Queue<QueuedEvent>();
  #bytes = 0;

  constructor(limits: EventQueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#events.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get full(): boolean {
    return this.size >= this.#limits.maxEvents || this.#bytes >= this.#limits.maxBytes;
  }

  /** Half of both limits is free again. */
  get roomy(): boolean {
    return this.size <= this.#limits.maxEvents / 2 && this.#bytes <= this.#limits.maxBytes / 2;
  }

  push(event: QueuedEvent): void {
    this.#events.push(event);
    this.#bytes += event.payload.message.length;
  }

  shift(): QueuedEvent | undefined {
    const event = this.#events.shift();
    if (event !== undefined) this.#bytes -= event.payload.message.length;
    return event;
  }
}
