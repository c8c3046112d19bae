import type { Clock, Timer } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { Queue } from '../base/queue.ts';
import type { Link, LinkEvents } from '../transport/link.ts';

/** Unsent bytes at which a writer is asked to wait. */
const highWaterBytes = 262_144;
/** The platform tells nobody when its buffer empties, so it is looked at this often while a writer waits. */
const drainCheckMs = 10;

/** The platform's WebSocket as a link: binary messages are its bytes, wherever they are cut. */
export class BrowserLink implements Link {
  readonly kind = 'websocket';
  readonly remote: string;
  readonly trusted = false;
  readonly socket = undefined;
  readonly #ws: WebSocket;
  readonly #clock: Clock;
  #events: LinkEvents | undefined;
  #error: Error | undefined;
  /** What came and was not read yet. */
  readonly #unread = new Queue<Uint8Array>();
  #paused = false;
  #drain: Timer | undefined;
  #closed = false;

  /** `ws` is open. */
  constructor(ws: WebSocket, clock: Clock) {
    this.#ws = ws;
    this.#clock = clock;
    this.remote = new URL(ws.url).host;
    ws.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (!(data instanceof ArrayBuffer)) {
        this.destroy(new BusError('ERR_PROTOCOL', 'A link carries binary messages only'));
      } else {
        this.#unread.push(new Uint8Array(data));
        this.#read();
      }
    };
    ws.onclose = () => this.#close();
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#ws.readyState !== WebSocket.OPEN) return true;
    this.#ws.send(bytes as Uint8Array<ArrayBuffer>);
    if (this.#ws.bufferedAmount < highWaterBytes) return true;
    this.#drain ??= this.#clock.setTimer(() => this.#checkDrain(), drainCheckMs);
    return false;
  }

  /** What comes meanwhile is kept: the server stops by itself once its window is full. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#clock.defer(() => this.#read());
  }

  end(): void {
    this.#ws.close(1000);
  }

  /** The platform has no abrupt close, so the link is over at once, and its WebSocket when the peer agrees. */
  destroy(error?: Error): void {
    this.#error ??= error;
    this.#ws.close();
    this.#clock.defer(() => this.#close());
  }

  release(): undefined {
    return undefined;
  }

  #read(): void {
    while (!this.#paused) {
      const bytes = this.#unread.shift();
      if (bytes === undefined) return;
      this.#events?.data(bytes);
    }
  }

  #checkDrain(): void {
    this.#drain = undefined;
    if (this.#closed) return;
    if (this.#ws.bufferedAmount < highWaterBytes / 2) this.#events?.drain();
    else this.#drain = this.#clock.setTimer(() => this.#checkDrain(), drainCheckMs);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#drain?.cancel();
    this.#ws.onmessage = null;
    this.#ws.onclose = null;
    this.#events?.close(this.#error);
  }
}
