import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Clock } from '../../base/clock.ts';
import { asBusError, BusError } from '../../base/errors.ts';
import type { Device, Driver, PortRequest } from './driver.ts';
import type { Lease } from './lease.ts';
import type { Log } from './log.ts';
import { decodeCommand, type DispatchMessage, encodeMessage, type MessageType, messageType } from './message.ts';
import type { Counters } from './metrics.ts';
import type { Ports } from './ports.ts';

export interface WebSocketDriverOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Log;
  /** Bytes on their way to the driver before its devices wait. */
  readonly maxBufferedBytes: number;
}

/** The WebSocket, and what it runs on. */
interface Connection {
  readonly socket: WebSocket;
  readonly stream: Duplex;
}

/** Announcements are not held back by a slow driver; this many bytes of them over its limit end it. */
const announcementBytes = 1_048_576;

/** A driver at the peer of a WebSocket: one port, and the binary messages of the dispatch protocol. */
export class WebSocketDriver implements Driver {
  readonly name: string;
  readonly #options: WebSocketDriverOptions;
  readonly #request: PortRequest;
  #connection: Connection | undefined;
  #lease: Lease | undefined;
  /** Why the port was lost, or never held. */
  #failure: { readonly code: number; readonly reason: string } | undefined;
  #holds = 0;
  #corked = false;
  #alive = true;

  constructor(request: PortRequest, options: WebSocketDriverOptions) {
    this.name = options.name;
    this.#request = request;
    this.#options = options;
  }

  /** Opens the port. Where it cannot be opened, the WebSocket is told so as soon as there is one. Never rejects. */
  async open(ports: Ports): Promise<void> {
    try {
      this.#lease = await ports.open(this.#request, this);
    } catch (error) {
      this.#failure ??= { code: 1008, reason: asBusError(error, 'ERR_LISTEN').message };
    }
  }

  /** Takes the WebSocket of the driver, which runs on `stream`, once the port listens. */
  attach(socket: WebSocket, stream: Duplex): void {
    const { log, maxBufferedBytes } = this.#options;
    this.#connection = { socket, stream };
    stream.on('drain', () => {
      if (socket.bufferedAmount < maxBufferedBytes / 2) this.#lease?.drained();
    });
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on('pong', () => {
      this.#alive = true;
    });
    socket.on('error', (error) =>
      log({ level: 'warn', event: 'driver_failed', driver: this.name, error: error.message }),
    );
    socket.on('close', () => this.release());
    if (this.#failure !== undefined) this.close(this.#failure.code, this.#failure.reason);
    else this.#lease?.start();
  }

  /** Gives the port back. */
  release(): void {
    this.#lease?.release();
  }

  opened(device: Device): void {
    this.#announce(messageType.opened, device);
  }

  received(device: Device, bytes: Uint8Array): boolean {
    this.#send(encodeMessage(messageType.received, device.address, device.id, bytes));
    return this.#bufferedBytes < this.#options.maxBufferedBytes;
  }

  closed(device: Device): void {
    this.#announce(messageType.closed, device);
  }

  ended(reason: BusError): void {
    this.#failure ??= { code: 1001, reason: reason.message };
    this.close(1001, reason.message);
  }

  /** Asks for a sign of life; ends a driver that gave none since the last time. */
  beat(): void {
    const socket = this.#connection?.socket;
    if (socket === undefined || socket.isPaused) return;
    if (!this.#alive) {
      this.#options.log({ level: 'warn', event: 'driver_failed', driver: this.name, error: 'no sign of life' });
      socket.terminate();
      return;
    }
    this.#alive = false;
    if (this.#isOpen) socket.ping();
  }

  /** Gives the port back and tells the driver why. */
  close(code: number, reason: string): void {
    this.release();
    if (this.#isOpen) this.#connection?.socket.close(code, fitReason(reason));
  }

  terminate(): void {
    this.#connection?.socket.terminate();
  }

  get #isOpen(): boolean {
    return this.#connection?.socket.readyState === WebSocket.OPEN;
  }

  get #bufferedBytes(): number {
    return this.#connection?.socket.bufferedAmount ?? 0;
  }

  #announce(type: MessageType, device: Device): void {
    this.#send(encodeMessage(type, device.address, device.id));
    if (this.#bufferedBytes > 2 * this.#options.maxBufferedBytes + announcementBytes) {
      this.#options.log({ level: 'warn', event: 'driver_failed', driver: this.name, error: 'it reads nothing' });
      this.release();
      this.terminate();
    }
  }

  /** Messages of one turn leave in one write. */
  #send(message: Buffer): void {
    if (this.#connection === undefined || !this.#isOpen) return;
    const { socket, stream } = this.#connection;
    if (!this.#corked) {
      this.#corked = true;
      stream.cork();
      this.#options.clock.defer(() => {
        this.#corked = false;
        stream.uncork();
      });
    }
    socket.send(message, { binary: true, compress: false });
  }

  #onMessage(data: WebSocket.RawData, isBinary: boolean): void {
    this.#alive = true;
    if (!this.#isOpen || this.#lease === undefined) return;
    if (!isBinary) return this.#refuse(1003, 'only binary frames are accepted');
    if (!Buffer.isBuffer(data)) return;
    try {
      this.#obey(decodeCommand(data), this.#lease);
    } catch (error) {
      this.#onTrouble(asBusError(error, 'ERR_PROTOCOL'));
    }
  }

  #obey(message: DispatchMessage, lease: Lease): void {
    const device: Device = { id: message.id, address: message.address, port: message.id };
    switch (message.type) {
      case messageType.write: {
        const room = lease.write(device, message.data);
        if (room === undefined) return;
        if (this.#request.protocol !== 'udp') this.#hold();
        room
          .catch((error) => this.#onTrouble(asBusError(error, 'ERR_CONNECT')))
          .finally(() => this.#request.protocol !== 'udp' && this.#unhold());
        return;
      }
      case messageType.close:
        lease.close(device);
        return;
      case messageType.opened:
      case messageType.closed:
      case messageType.received:
        // Messages of the dispatcher's own; from a driver they mean nothing.
        return;
    }
  }

  /** The driver waits while any of its devices has no room; messages that are here already are still obeyed. */
  #hold(): void {
    this.#holds += 1;
    this.#connection?.socket.pause();
  }

  #unhold(): void {
    this.#holds -= 1;
    if (this.#holds === 0) this.#connection?.socket.resume();
  }

  #onTrouble(error: BusError): void {
    switch (error.code) {
      case 'ERR_PROTOCOL':
      case 'ERR_INVALID_ARGUMENT':
        return this.#refuse(1007, error.message);
      case 'ERR_TOO_LARGE':
        return this.#refuse(1009, error.message);
      default:
        this.#options.log({
          level: 'debug',
          event: 'write_failed',
          driver: this.name,
          code: error.code,
          error: error.message,
        });
    }
  }

  #refuse(code: number, reason: string): void {
    this.#options.counters.badMessages.value += 1;
    this.#options.log({ level: 'warn', event: 'driver_refused', driver: this.name, code, error: reason });
    this.close(code, reason);
  }
}

/** A close frame has room for 123 bytes of reason. */
function fitReason(reason: string): string {
  let text = reason;
  while (Buffer.byteLength(text) > 123) text = text.slice(0, -1);
  return text;
}
