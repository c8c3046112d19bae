import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import WebSocket from 'ws';
import { hex, toHex } from './vectors.ts';

/** A peer of the joint protocol that knows bytes only. */
export class JointPeer {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #end: () => void;
  #bytes = Buffer.alloc(0);
  #closed = false;
  #changed: () => void = () => undefined;

  private constructor(write: (bytes: Uint8Array) => void, end: () => void) {
    this.#write = write;
    this.#end = end;
  }

  static async tcp(port: number): Promise<JointPeer> {
    const socket: Socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const peer = new JointPeer(
      (bytes) => socket.write(bytes),
      () => socket.destroy(),
    );
    socket.on('data', (bytes) => peer.#add(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => peer.#close());
    return peer;
  }

  static async webSocket(port: number): Promise<JointPeer> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    socket.binaryType = 'nodebuffer';
    const peer = new JointPeer(
      (bytes) => socket.send(bytes),
      () => socket.terminate(),
    );
    socket.on('message', (data) => {
      if (Buffer.isBuffer(data)) peer.#add(data);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => peer.#close());
    await once(socket, 'open');
    return peer;
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(bytes: string | Uint8Array): void {
    this.#write(typeof bytes === 'string' ? hex(bytes) : bytes);
  }

  /** The next `count` bytes. */
  async read(count: number): Promise<Buffer> {
    while (this.#bytes.length < count && !this.#closed) await this.#change();
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  /** Rejects if the next bytes are others. */
  async expect(bytes: string): Promise<void> {
    const expected = toHex(hex(bytes));
    const got = toHex(await this.read(expected.length / 2));
    if (got !== expected) throw new Error(`expected ${expected}, got ${got}`);
  }

  /** Resolves when the other side closed; with the bytes that came before. */
  async ended(): Promise<string> {
    while (!this.#closed) await this.#change();
    return toHex(this.#bytes);
  }

  close(): void {
    this.#end();
  }

  #add(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    this.#changed();
  }

  #close(): void {
    this.#closed = true;
    this.#changed();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}
