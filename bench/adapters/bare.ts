import { connect as dial, createServer, type Socket } from 'node:net';
import { rmSync } from 'node:fs';
import { fullBytes } from './room.ts';
import type { Adapter, ClientEnd, Handlers, ServerEnd } from './adapter.ts';

/** Length u32, kind u8, id u32, then the bytes. What a body holds is never looked at: this is the limit, not a peer. */
const headerBytes = 9;
const kinds = { message: 1, request: 2, response: 3 };

const bodies = new WeakMap<object, Buffer>();

function bodyOf(data: object): Buffer {
  if (Buffer.isBuffer(data)) return data;
  let body = bodies.get(data);
  if (body === undefined) {
    body = Buffer.from(JSON.stringify(data));
    bodies.set(data, body);
  }
  return body;
}

/** One end: writes of one turn leave together, frames are read in place, a large one is put together by one copy. */
class BareSocket {
  readonly socket: Socket;
  readonly #frame: (kind: number, id: number, body: Buffer) => void;
  #gathered: Buffer[] = [];
  #scheduled = false;
  #drained: Promise<void> | undefined;
  #large: Buffer | undefined;
  #filled = 0;
  #rest: Buffer | undefined;

  constructor(socket: Socket, frame: (kind: number, id: number, body: Buffer) => void) {
    this.socket = socket;
    this.#frame = frame;
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => this.#feed(bytes));
  }

  write(kind: number, id: number, body: Buffer): Promise<void> | undefined {
    const head = Buffer.allocUnsafe(body.length > 16_384 ? headerBytes : headerBytes + body.length);
    head.writeUInt32BE(body.length, 0);
    head[4] = kind;
    head.writeUInt32BE(id, 5);
    if (head.length === headerBytes) this.#gathered.push(head, body);
    else {
      body.copy(head, headerBytes);
      this.#gathered.push(head);
    }
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(() => this.#flush());
    }
    if (this.socket.writableLength < fullBytes) return undefined;
    this.#drained ??= new Promise((resolve) => {
      this.socket.once('drain', () => {
        this.#drained = undefined;
        resolve();
      });
    });
    return this.#drained;
  }

  #flush(): void {
    this.#scheduled = false;
    const gathered = this.#gathered;
    this.#gathered = [];
    const small = gathered.every(({ length }) => length < 16_384);
    if (small) this.socket.write(gathered.length === 1 ? (gathered[0] as Buffer) : Buffer.concat(gathered));
    else {
      this.socket.cork();
      for (const bytes of gathered) this.socket.write(bytes);
      this.socket.uncork();
    }
  }

  #feed(given: Buffer): void {
    let bytes = given;
    if (this.#large !== undefined) {
      const taken = bytes.copy(this.#large, this.#filled);
      this.#filled += taken;
      if (this.#filled < this.#large.length) return;
      const whole = this.#large;
      this.#large = undefined;
      this.#frame(whole[4] as number, whole.readUInt32BE(5), whole.subarray(headerBytes));
      bytes = bytes.subarray(taken);
    }
    if (this.#rest !== undefined) bytes = Buffer.concat([this.#rest, bytes]);
    this.#rest = undefined;
    let at = 0;
    while (bytes.length - at >= headerBytes) {
      const size = headerBytes + bytes.readUInt32BE(at);
      if (bytes.length - at < size) {
        if (size <= 65_536) break;
        this.#large = Buffer.allocUnsafeSlow(size);
        this.#filled = bytes.copy(this.#large, 0, at);
        return;
      }
      this.#frame(bytes[at + 4] as number, bytes.readUInt32BE(at + 5), bytes.subarray(at + headerBytes, at + size));
      at += size;
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }
}

async function serve(path: string, handlers: Handlers): Promise<ServerEnd> {
  const clients = new Set<BareSocket>();
  const server = createServer((socket) => {
    const bare = new BareSocket(socket, (kind, id, body) => {
      if (kind === kinds.message) handlers.message(body);
      else void bare.write(kinds.response, id, handlers.request(body) as Buffer);
    });
    clients.add(bare);
    socket.on('close', () => clients.delete(bare));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    broadcast: (data) => {
      let waits: Promise<void> | undefined;
      for (const client of clients) waits = client.write(kinds.message, 0, bodyOf(data)) ?? waits;
      return waits;
    },
    close: async () => {
      for (const { socket } of clients) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(path, { force: true });
    },
  };
}

async function connect(path: string, handlers: Handlers): Promise<ClientEnd> {
  const pending = new Map<number, (body: Buffer) => void>();
  let lastId = 0;
  const socket = dial(path);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const bare = new BareSocket(socket, (kind, id, body) => {
    if (kind === kinds.message) handlers.message(body);
    else {
      pending.get(id)?.(body);
      pending.delete(id);
    }
  });
  const request = (data: object): Promise<unknown> =>
    new Promise((resolve) => {
      lastId += 1;
      pending.set(lastId, resolve);
      void bare.write(kinds.request, lastId, bodyOf(data));
    });
  // Only an answer tells that the server has accepted the link.
  await request({});
  return {
    send: (data) => bare.write(kinds.message, 0, bodyOf(data)),
    request,
    bulk: (data) => bare.write(kinds.message, 0, data),
    close: () => {
      socket.destroy();
      return undefined;
    },
  };
}

/** A socket with length prefixes and no codec: what is left when a bus does nothing at all. */
export const bareAdapter: Adapter = { name: 'bare socket', bulk: true, serve, connect };
