import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer, Greeting, Numbers, Params } from './commands.ts';
import { Line } from './line.ts';

const commandDeadlineMs = 60_000;

/** One process of a run, as the bench commands it. */
export class Remote {
  readonly #line: Line;
  readonly #open = new Map<number, { resolve: (result: Numbers) => void; reject: (error: Error) => void }>();
  #lastId = 0;

  constructor(line: Line) {
    this.#line = line;
  }

  call(call: string, params: Params = {}): Promise<Numbers> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id)?.reject(new Error(`${call} took too long`)), commandDeadlineMs);
      const settle = (): void => clearTimeout(timer);
      this.#open.set(id, {
        resolve: (result) => [settle(), resolve(result)],
        reject: (error) => [settle(), reject(error)],
      });
      this.#line.say({ id, call, params });
    });
  }

  heard({ id, result, error }: Answer): void {
    const open = this.#settle(id);
    if (error === undefined) open?.resolve(result ?? {});
    else open?.reject(new Error(error));
  }

  gone(): void {
    for (const id of this.#open.keys()) this.#settle(id)?.reject(new Error('The process ended'));
  }

  #settle(id: number): { resolve: (result: Numbers) => void; reject: (error: Error) => void } | undefined {
    const open = this.#open.get(id);
    this.#open.delete(id);
    return open;
  }
}

/** Where the processes of all runs report, and a folder for their sockets. */
export class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), 'bbb-'));
  readonly path = join(this.folder, 'desk');
  readonly #waiting = new Map<string, (remote: Remote) => void>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.path, resolve);
    });
  }

  /** Resolves once the process of that name has reported. */
  expect(name: string): Promise<Remote> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`The ${name} process did not start`)), 15_000);
      this.#waiting.set(name, (remote) => {
        clearTimeout(timer);
        resolve(remote);
      });
    });
  }

  /** Every process is told to end. */
  dismiss(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.dismiss();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    let remote: Remote | undefined;
    const line = new Line(socket, (value) => {
      if (remote !== undefined) {
        remote.heard(value as Answer);
        return;
      }
      const { name } = value as Greeting;
      remote = new Remote(line);
      this.#waiting.get(name)?.(remote);
      this.#waiting.delete(name);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      remote?.gone();
    });
  }
}
