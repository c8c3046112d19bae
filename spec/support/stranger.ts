import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';

/** A socket with no manners, and all it was told. */
export class Stranger {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  readonly #told: Buffer[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (bytes) => this.#told.push(bytes));
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async at(
    where: { readonly path: string } | { readonly port: number; readonly tls?: boolean },
  ): Promise<Stranger> {
    const isSecure = 'port' in where && where.tls === true;
    const socket = isSecure ? connectSecurely({ ...where, rejectUnauthorized: false }) : connect(where);
    await once(socket, isSecure ? 'secureConnect' : 'connect');
    return new Stranger(socket);
  }

  get text(): string {
    return Buffer.concat(this.#told).toString('latin1');
  }

  /** Writes `bytes`; false once nobody listens. */
  send(bytes: Uint8Array | string): boolean {
    return this.socket.writable && this.socket.write(bytes);
  }

  /** Resolves once what was sent left this end. */
  async drained(): Promise<void> {
    if (this.socket.writableNeedDrain) await new Promise((resolve) => this.socket.once('drain', resolve));
  }

  /** Resolves once `bytes` were told. */
  async told(bytes: number): Promise<void> {
    while (this.text.length < bytes && !this.socket.destroyed) {
      await Promise.race([once(this.socket, 'data'), this.closed]);
    }
  }
}

/** `body` behind its length, as net-ipc writes it. */
export function packet(body: unknown): Buffer {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  return Buffer.concat([tag(bytes.length), bytes]);
}

/** A length as net-ipc writes it. */
export function tag(length: number): Buffer {
  const digits = [(length % 128) + 128];
  for (let left = Math.floor(length / 128); left > 0; left = Math.floor(left / 128)) digits.unshift(left % 128);
  return Buffer.from(digits);
}

export function hello(members: object = {}): Buffer {
  const d = { compress: false, messagepack: false, extras: null, id: null, ...members };
  return Buffer.concat([Buffer.from('IPC'), packet({ t: 0, d })]);
}

export const offer = { versions: [1], features: [], maxFrameBytes: 1 << 24 };

/** A frame of the native dialect. */
export function frame(type: number, flags: number, lane: number, id: number, body: Uint8Array | string = ''): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(12);
  head.writeUInt32BE(8 + bytes.length, 0);
  head[4] = type;
  head[5] = flags;
  head.writeUInt16BE(lane, 6);
  head.writeUInt32BE(id, 8);
  return Buffer.concat([head, bytes]);
}
