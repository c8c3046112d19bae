import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { asBusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';
import type { WebSocketEventName } from '../gateway-event.ts';
import type { UpgradeDetails } from '../request-details.ts';
import type { WebSocketServerSettings } from '../server-options.ts';

/** What the sending functions return. */
export const SendStatus = {
  /** Accepted, but the client is behind; `WEBSOCKET_DRAINED` follows. */
  BACKPRESSURE: 0,
  SUCCESS: 1,
  /** Not accepted: the client left, or too much waits for it already. */
  DROPPED: 2,
} as const;

/** Events of an open client besides its messages. */
export type NoticeName = Exclude<
  WebSocketEventName & `WEBSOCKET_${string}`,
  'WEBSOCKET_CONNECTION_ESTABLISHED' | 'WEBSOCKET_MESSAGE_RECEIVED' | 'WEBSOCKET_CONNECTION_CLOSED'
>;

export interface WebSocketConnectionEvents {
  message(connection: WebSocketConnection, data: Buffer, isBinary: boolean): void;
  /** Something else happened while the client is connected. */
  raise(connection: WebSocketConnection, name: NoticeName, message?: string): void;
  /** Once; the socket may take a moment longer. */
  closed(connection: WebSocketConnection, code: number, reason: string): void;
}

interface Message {
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/** Bytes of a paused client's messages that are kept before reading stops. */
const mostKeptBytes = 16_384;
/** What a message counts beside its bytes. */
const messageCost = 128;

const tooBig = [1009, 'Received too big message'] as const;
/** Close code and reason for the errors of ws. */
const failures: Readonly<Record<string, readonly [code: number, reason: string]>> = {
  WS_ERR_INVALID_UTF8: [1007, 'Received invalid UTF-8'],
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: tooBig,
  WS_ERR_INVALID_CLOSE_CODE: [1002, 'Received invalid close payload'],
  Z_DATA_ERROR: [1007, 'Received too big message, or other inflation error'],
};
const otherFailure = [1002, 'Received invalid WebSocket frame'] as const;
const abnormal = 1006;

/** One WebSocket client. */
export class WebSocketConnection {
  readonly id: string;
  readonly details: UpgradeDetails;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #settings: WebSocketServerSettings;
  readonly #events: WebSocketConnectionEvents;
  readonly #openedAt: number;
  /** There was traffic since the last check. */
  #active = false;
  #aliveAt: number;
  #pinged = false;
  #closingAt: number | undefined;
  #behind = false;
  #over = false;
  /** What came while the client was paused. */
  readonly #kept = new Queue<Message>();
  #keptBytes = 0;
  #paused = false;
  #unsent = 0;
  #progressAt: number;

  constructor(
    id: string,
    ws: WebSocket,
    socket: Socket,
    details: UpgradeDetails,
    settings: WebSocketServerSettings,
    events: WebSocketConnectionEvents,
  ) {
    this.id = id;
    this.details = details;
    this.#ws = ws;
    this.#socket = socket;
    this.#settings = settings;
    this.#events = events;
    this.#openedAt = settings.clock.now();
    this.#aliveAt = this.#openedAt;
    this.#progressAt = this.#openedAt;
    ws.on('message', (data: Buffer, isBinary: boolean) => this.#message({ data, isBinary }));
    ws.on('ping', (data: Buffer) => {
      this.#alive();
      // A client that floods with pings and reads no pongs gets none.
      if (this.#isOpen && ws.bufferedAmount <= settings.maxBackpressureBytes) ws.pong(data, false, ignore);
    });
    ws.on('pong', () => this.#alive());
    ws.on('error', (error: Error & { code?: string }) => {
      const [code, reason] = failures[error.code ?? ''] ?? otherFailure;
      this.#closingAt ??= settings.clock.now();
      this.#finish(error.code?.startsWith('E') ? abnormal : code, reason);
    });
    ws.on('close', (code, reason) => {
      const fin = code === abnormal && reason.length === 0;
      this.#finish(code, fin ? 'Received TCP FIN before WebSocket close frame' : reason.toString());
    });
  }

  send(data: Buffer, binary: boolean, compress: boolean): number {
    if (!this.#isOpen) return SendStatus.DROPPED;
    const { maxBackpressureBytes, whenBehind, resetIdleTimeoutOnSend, compression } = this.#settings;
    if (this.#ws.bufferedAmount > maxBackpressureBytes) {
      this.#events.raise(this, 'WEBSOCKET_DROPPED', String(data.length));
      if (whenBehind === 'close') this.kill('Too much waited for the client');
      return SendStatus.DROPPED;
    }
    if (resetIdleTimeoutOnSend) this.#active = true;
    this.#ws.send(data, { binary, compress: compress && compression });
    if (this.#socket.writableLength === 0) return SendStatus.SUCCESS;
    if (!this.#behind) {
      this.#behind = true;
      this.#socket.write('', this.#sent);
    }
    return SendStatus.BACKPRESSURE;
  }

  /** Sends a close frame, and reads on for the answer. @throws BusError `ERR_INVALID_ARGUMENT` for a code or reason that no close frame takes. */
  close(code: number, reason: string): void {
    try {
      this.#ws.close(code, reason);
    } catch (error) {
      throw asBusError(error, 'ERR_INVALID_ARGUMENT');
    }
    this.#closingAt ??= this.#settings.clock.now();
    this.#ws.resume();
  }

  /** Closes without a close frame; the client sees code 1006. */
  kill(reason: string): void {
    this.#finish(abnormal, reason);
    this.#ws.terminate();
  }

  /** Passes on no more messages. Some are read and kept, so that pings, pongs and a close frame are still read. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // A message that is passed on may lead to another pause.
    while (!this.#paused && this.#kept.length > 0) this.#passOnKept();
    if (this.#keptBytes < mostKeptBytes) this.#ws.resume();
  }

  /** Checks the time limits: close, drain, silence, lifetime; sends pings. */
  check(now: number): void {
    const { idleTimeoutMs, maxLifetimeMs, drainTimeoutMs, closeTimeoutMs } = this.#settings;
    if (this.#closingAt !== undefined) {
      if (now - this.#closingAt >= closeTimeoutMs) this.kill('The close frame was not answered');
      return;
    }
    const unsent = this.#ws.bufferedAmount;
    if (unsent === 0 || unsent !== this.#unsent) this.#progressAt = now;
    this.#unsent = unsent;
    // Silence does not count while this side does not read.
    if (this.#active || this.#ws.isPaused) this.#aliveAt = now;
    this.#active = false;
    if (now - this.#progressAt >= drainTimeoutMs) return this.kill('The client read nothing for too long');
    if (now - this.#aliveAt >= idleTimeoutMs) return this.kill('WebSocket timed out from inactivity');
    if (maxLifetimeMs > 0 && now - this.#openedAt >= maxLifetimeMs) return this.close(1000, 'Lifetime over');
    if (!this.#pinged && this.#isOpen && now - this.#aliveAt >= idleTimeoutMs / 2) {
      this.#pinged = true;
      this.#ws.ping('', false, ignore);
    }
  }

  get #isOpen(): boolean {
    return !this.#over && this.#ws.readyState === WebSocket.OPEN;
  }

  /** Called when an empty write is done, and thus everything written before it. */
  readonly #sent = (): void => {
    if (!this.#isOpen) return;
    if (this.#ws.bufferedAmount > 0) {
      this.#socket.write('', this.#sent);
      return;
    }
    this.#behind = false;
    this.#events.raise(this, 'WEBSOCKET_DRAINED');
  };

  #message(message: Message): void {
    this.#alive();
    if (this.#over) return;
    if (message.data.length > this.#settings.maxPayloadBytes) return this.#refuse(...tooBig);
    if (!this.#paused) return this.#events.message(this, message.data, message.isBinary);
    // From a client that is being closed only the close frame matters.
    if (this.#closingAt !== undefined) return;
    this.#kept.push(message);
    this.#keptBytes += message.data.length + messageCost;
    if (this.#keptBytes >= mostKeptBytes) this.#ws.pause();
  }

  #passOnKept(): void {
    const message = this.#kept.shift();
    if (message === undefined) return;
    this.#keptBytes -= message.data.length + messageCost;
    this.#events.message(this, message.data, message.isBinary);
  }

  #refuse(code: number, reason: string): void {
    this.#closingAt ??= this.#settings.clock.now();
    this.#ws.close(code);
    this.#finish(code, reason);
  }

  #alive(): void {
    this.#active = true;
    this.#pinged = false;
  }

  #finish(code: number, reason: string): void {
    if (this.#over) return;
    while (this.#kept.length > 0) this.#passOnKept();
    if (this.#over) return;
    this.#over = true;
    this.#events.closed(this, code, reason);
  }
}

function ignore(): void {}
