import { types } from 'node:util';
import type { MessagePort } from 'node:worker_threads';
import { ByteQueue } from '../base/byte-queue.ts';
import { BusError } from '../base/errors.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { Queue } from '../base/queue.ts';
import type { Link, LinkEvents } from './link.ts';

/** Most bytes in flight that the peer has not processed; it acknowledges them by the half. */
const windowBytes = 1_048_576;
/** As many bytes wait here, and a writer is asked to wait. */
const highWaterBytes = 65_536;
const endTimeoutMs = 5_000;

export interface PortLinkOptions {
  readonly remote: string;
  readonly final?: boolean | undefined;
  readonly clock: Clock;
}

/**
 * A link between threads, over a `MessagePort`. It carries bytes, a number of acknowledged bytes, and `null` for the
 * end. A port has no back-pressure, so a link sends no more than the peer has room for, and keeps the rest.
 */
export class PortLink implements Link {
  readonly kind = 'worker';
  readonly remote: string;
  readonly trusted = true;
  readonly final: boolean;
  readonly socket = undefined;
  readonly #port: MessagePort;
  readonly #clock: Clock;
  #events: LinkEvents | undefined;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #error: Error | undefined;
  /** What waits for room at the peer, or for the end of the turn. */
  readonly #unsent = new ByteQueue();
  #room = windowBytes;
  #isSending = false;
  #isFull = false;
  #endIsSent = false;
  #endCame = false;
  #portIsClosed = false;
  /** What came while nobody took it. */
  readonly #held = new Queue<Uint8Array>();
  #paused = false;
  #waits = false;
  /** Bytes that arrived, and those of them that were processed, since the last acknowledgement. */
  #came = 0;
  #taken = 0;
  #endTimer: Timer | undefined;

  constructor(port: MessagePort, { remote, final = false, clock }: PortLinkOptions) {
    this.#port = port;
    this.remote = remote;
    this.final = final;
    this.#clock = clock;
    port.addEventListener('close', () => this.#portClosed());
  }

  get bufferedBytes(): number {
    return this.#unsent.size;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
    if (this.#state === 'closed') {
      this.#clock.defer(() => events.close(this.#error));
      return;
    }
    // As web pages do it, since Deno gives threads ports without `on`.
    this.#port.addEventListener('message', (event) => this.#message('data' in event ? event.data : undefined));
    this.#port.addEventListener('messageerror', () => this.#broken());
    this.#port.start();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    this.#unsent.add(bytes);
    this.#sendSoon();
    this.#isFull ||= this.#unsent.size > highWaterBytes;
    return !this.#isFull;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#takeSoon();
  }

  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#send();
    this.#takeSoon();
    let left = this.#unsent.size;
    const check = (): void => {
      const now = this.#unsent.size;
      if (now === 0 ? left === 0 : now >= left) {
        this.destroy();
        return;
      }
      left = now;
      this.#endTimer = this.#clock.setTimer(check, endTimeoutMs, true);
    };
    this.#endTimer = this.#clock.setTimer(check, endTimeoutMs, true);
  }

  destroy(error?: Error): void {
    if (this.#state === 'closed') return;
    // What was written before still goes, as on a socket.
    this.#send();
    this.#close(error);
  }

  release(): undefined {
    return undefined;
  }

  #sendSoon(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#clock.defer(this.#turnOver);
  }

  readonly #turnOver = (): void => {
    this.#isSending = false;
    this.#send();
    this.#drained();
  };

  /** Sends what there is room for as one message, in memory of its own: it goes over to the other thread. */
  #send(): void {
    if (this.#portIsClosed || this.#endIsSent) return;
    const size = Math.min(this.#unsent.size, this.#room);
    if (size > 0) {
      const bytes = Buffer.allocUnsafeSlow(size);
      this.#unsent.moveTo(bytes, 0, size);
      this.#room -= size;
      this.#port.postMessage(bytes, [bytes.buffer]);
    }
    if (this.#state === 'ending' && this.#unsent.size === 0) {
      this.#endIsSent = true;
      this.#port.postMessage(null);
    }
  }

  #message(data: unknown): void {
    if (this.#state === 'closed') return;
    if (typeof data === 'number') this.#credit(data);
    else if (types.isUint8Array(data) && types.isArrayBuffer(data.buffer)) this.#bytes(data);
    else if (data === null && !this.#endCame) this.#end();
    else this.#broken();
  }

  #credit(bytes: number): void {
    if (!Number.isInteger(bytes) || bytes <= 0 || this.#room + bytes > windowBytes) {
      this.#broken();
      return;
    }
    this.#room += bytes;
    this.#send();
    this.#drained();
  }

  #drained(): void {
    if (!this.#isFull || this.#unsent.size > 0) return;
    this.#isFull = false;
    if (this.#state === 'open') this.#events?.drain();
  }

  #bytes(data: Uint8Array): void {
    this.#came += data.length;
    if (this.#endCame || this.#came > windowBytes) {
      this.#broken();
      return;
    }
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
    if (this.#held.length > 0 || (this.#paused && this.#state === 'open')) this.#held.push(bytes);
    else this.#take(bytes);
  }

  #take(bytes: Uint8Array): void {
    this.#taken += bytes.length;
    // Who ended this side and paused it wants no more.
    if (!this.#paused) this.#events?.data(bytes);
    if (this.#taken < windowBytes / 2 || this.#portIsClosed || this.#isClosed) return;
    this.#port.postMessage(this.#taken);
    this.#came -= this.#taken;
    this.#taken = 0;
  }

  /** A getter, as the state may change in a call. */
  get #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #end(): void {
    this.#endCame = true;
    if (this.#held.length === 0) this.#ended();
  }

  /** Everything that the peer wrote was processed. */
  #ended(): void {
    if (this.#endIsSent) this.#close(undefined);
    else if (this.#state === 'open') this.end();
  }

  #portClosed(): void {
    this.#portIsClosed = true;
    this.#endCame = true;
    if (this.#held.length === 0 && this.#state !== 'closed') this.#close(undefined);
  }

  #broken(): void {
    if (this.#state !== 'closed')
      this.#close(new BusError('ERR_PROTOCOL', 'A port received a message that does not belong to a link'));
  }

  #takeSoon(): void {
    if (this.#waits || this.#held.length === 0) return;
    this.#waits = true;
    this.#clock.defer(() => this.#takeHeld());
  }

  #takeHeld(): void {
    this.#waits = false;
    while (!this.#isClosed && !(this.#paused && this.#state === 'open')) {
      const bytes = this.#held.shift();
      if (bytes === undefined) break;
      this.#take(bytes);
    }
    if (this.#isClosed || this.#held.length > 0 || !this.#endCame) return;
    if (this.#portIsClosed) this.#close(undefined);
    else this.#ended();
  }

  #close(error: Error | undefined): void {
    this.#state = 'closed';
    this.#error ??= error;
    this.#endTimer?.cancel();
    this.#unsent.clear();
    this.#held.clear();
    this.#portIsClosed = true;
    this.#port.close();
    this.#clock.defer(() => this.#events?.close(this.#error));
  }
}
