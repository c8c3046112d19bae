import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Server, type ServerOptions } from 'busbar';
import { services, type ServicesHub } from 'busbar/services';
import { mostWaiting } from './settings.ts';

const startMs = 60_000;
const leaveMs = 5_000;

export type Role = 'world' | 'zone' | 'bots';

/** Starts the processes of the game, which are members of its hub, hears of those that end too soon, and leaves none behind. */
export class Crew {
  readonly hub: ServicesHub;
  /** Rejects when a process ends that was not told to. */
  readonly failed: Promise<never>;
  readonly #server: Server;
  readonly #running = new Map<string, ChildProcess>();
  /** Those that are no members yet, and what is done when they are. */
  readonly #expected = new Map<string, () => void>();
  readonly #mayEnd = new Set<ChildProcess>();
  #fail: (error: Error) => void = () => {};

  constructor(options: ServerOptions) {
    this.#server = new Server({ ...options, maxOpenRequests: mostWaiting, maxPendingMessages: mostWaiting });
    this.hub = this.#server.use(services({ maxWaiting: mostWaiting }));
    this.hub.on('join', ({ name }) => this.#expected.get(name)?.());
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  async open(): Promise<void> {
    await this.#server.start();
  }

  /** Starts the program of `role` as the member `name`; resolves when it is one, which tells that it is ready. */
  start(role: Role, name: string, ...args: readonly (string | number)[]): Promise<void> {
    const file = fileURLToPath(new URL(`./${role}.js`, import.meta.url));
    const { address, port } = this.#server;
    const supervisor = port === undefined ? (address ?? '') : `tcp:${address}`;
    const child = spawn(process.execPath, [file, supervisor, name, ...args.map(String)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#running.set(name, child);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#fail(new Error(`${name} was not ready in time`)), startMs);
      const settle = (): void => {
        clearTimeout(late);
        this.#expected.delete(name);
      };
      this.#expected.set(name, () => {
        settle();
        resolve();
      });
      child.once('error', (error) => this.#fail(error));
      child.once('exit', (code, signal) => {
        settle();
        if (this.#running.get(name) === child) this.#running.delete(name);
        if (this.#mayEnd.has(child)) return;
        const error = new Error(`A ${role} process ended by itself (${signal ?? code})`);
        this.#fail(error);
        reject(error);
      });
    });
  }

  pidOf(name: string): number | undefined {
    return this.#running.get(name)?.pid;
  }

  /** Ends a process: without a word as a crash would, or with SIGTERM, on which it gives away what it owns. */
  async end(name: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#running.get(name);
    if (child === undefined) return;
    this.#mayEnd.add(child);
    child.kill(signal);
    await exit(child);
  }

  /** Has every process leave, and kills those that are not ready to hear of it, or have not left in time. */
  async dismiss(): Promise<void> {
    const children = [...this.#running];
    const deaf = new Set(this.#expected.keys());
    for (const [, child] of children) this.#mayEnd.add(child);
    await this.#server.close();
    await Promise.all(
      children.map(async ([name, child]) => {
        const late = setTimeout(() => child.kill('SIGKILL'), deaf.has(name) ? 0 : leaveMs);
        await exit(child);
        clearTimeout(late);
      }),
    );
  }
}

async function exit(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}
