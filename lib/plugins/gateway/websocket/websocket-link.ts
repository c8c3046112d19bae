import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import type { Link, LinkEvents } from '../../../transport/link.ts';

/** Unsent bytes at which a writer has to wait for `drain`. */
const highWaterBytes = 65_536;
const closeMs = 5000;
/** The same after a protocol error. */
const faultCloseMs = 1000;

export interface WebSocketLinkOptions {
  /** Compresses outgoing messages, if the page supports it. */
  readonly compression: boolean;
  readonly maxMessageBytes: number;
}

/** A web page's WebSocket as a link: its bytes come in binary messages, whose boundaries mean nothing. */
export class WebSocketLink implements Link {
  readonly kind = 'websocket';
  readonly remote: string;
  readonly trusted = false;
  /** Never handed out: the WebSocket's framing stands between it and the link's bytes. */
  readonly socket: Socket | undefined = undefined;
  readonly #ws: WebSocket;
  readonly #clock: Clock;
  readonly #compress: boolean;
  #events: LinkEvents | undefined;
  #error: Error | undefined;
  #full = false;

  constructor(ws: WebSocket, remote: string, { compression, maxMessageBytes }: WebSocketLinkOptions, clock: Clock) {
    this.#ws = ws;
    this.#clock = clock;
    this.#compress = compression;
    this.remote = remote;
    ws.on('message', (data: Buffer, isBinary: boolean) => {
      // Messages after a close frame of this side are ignored.
      if (ws.readyState !== ws.OPEN && this.#error !== undefined) return;
      if (data.length > maxMessageBytes) this.#refuse();
      else if (isBinary) this.#events?.data(data);
      else this.destroy(new BusError('ERR_PROTOCOL', 'A link over WebSocket carries binary messages only'));
    });
    ws.on('error', (error) => {
      this.#error ??= error;
      // A close frame names the protocol error; destroying the socket at once might lose it.
      if (ws.readyState === ws.CLOSING) this.#terminateIn(faultCloseMs);
      else ws.terminate();
    });
    ws.on('close', () => this.#events?.close(this.#error));
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#ws.readyState !== this.#ws.OPEN) return true;
    this.#ws.send(bytes, { binary: true, compress: this.#compress }, this.#sent);
    if (this.#ws.bufferedAmount < highWaterBytes) return true;
    this.#full = true;
    return false;
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  end(): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    this.#terminateIn(closeMs);
    this.#ws.resume();
    this.#ws.close(1000);
  }

  destroy(error?: Error): void {
    this.#error ??= error;
    this.#ws.terminate();
  }

  release(): Socket | undefined {
    return undefined;
  }

  /** A page that sends too much is told so before it is cut off. */
  #refuse(): void {
    this.#error = new BusError('ERR_TOO_LARGE', 'A message over WebSocket is too large');
    this.#terminateIn(faultCloseMs);
    this.#ws.close(1009);
  }

  #terminateIn(ms: number): void {
    const late = this.#clock.setTimer(() => this.#ws.terminate(), ms);
    this.#ws.once('close', () => late.cancel());
  }

  readonly #sent = (): void => {
    if (!this.#full || this.#ws.bufferedAmount >= highWaterBytes / 2) return;
    this.#full = false;
    this.#clock.defer(() => this.#events?.drain());
  };
}
