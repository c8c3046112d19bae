import { WebSocket } from 'ws';

export interface Heard {
  readonly text: string;
  readonly isBinary: boolean;
}

/** A plain client that remembers what it heard, and how it ended. */
export class WebSocketClient {
  readonly ws: WebSocket;
  readonly heard: Heard[] = [];
  readonly opened: Promise<void>;
  /** The status of the answer when the upgrade was refused, else 101. */
  readonly status: Promise<number>;
  readonly closed: Promise<{ code: number; reason: string }>;
  #waiters: (() => void)[] = [];

  constructor(url: string, options: object = {}, protocols: string[] = []) {
    this.ws = new WebSocket(url, protocols, options);
    this.opened = new Promise((resolve) => this.ws.once('open', resolve));
    this.status = new Promise((resolve) => {
      this.ws.once('open', () => resolve(101));
      this.ws.once('unexpected-response', (request, response) => {
        resolve(response.statusCode ?? 0);
        request.destroy();
      });
    });
    this.ws.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.ws.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake();
      });
    });
    this.ws.on('message', (data: Buffer, isBinary) => {
      this.heard.push({ text: data.toString(), isBinary });
      this.#wake();
    });
  }

  get texts(): string[] {
    return this.heard.map(({ text }) => text);
  }

  async until(count: number): Promise<string[]> {
    while (this.heard.length < count) {
      if (this.ws.readyState === WebSocket.CLOSED) throw new Error(`closed after ${this.heard.length} messages`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return this.texts;
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}

/** A frame as a client sends it, with a mask of zeros. */
export function frame(opcode: number, payload: Uint8Array | string, { fin = true, rsv1 = false } = {}): Buffer {
  const bytes = Buffer.from(payload);
  const first = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  const length =
    bytes.length < 126
      ? Buffer.from([0x80 | bytes.length])
      : Buffer.from([0xfe, bytes.length >> 8, bytes.length & 255]);
  return Buffer.concat([Buffer.from([first]), length, Buffer.alloc(4), bytes]);
}

/** The request that opens a WebSocket, by hand. */
export function handshake(path = '/', more = ''): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`
  );
}
