import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Connection, Server, type ServerOptions } from 'busbar';
import type { Arrival, ControlBus, Role } from './contract.ts';

const startMs = 20_000;
const leaveMs = 5_000;

/** A process of the game, with its connection to the supervisor. */
export interface Member {
  readonly arrival: Arrival;
  readonly process: ChildProcess;
  readonly connection: Connection<ControlBus>;
}

interface Expected {
  arrived(connection: Connection<ControlBus>, arrival: Arrival): void;
}

/** Starts the processes of the game, hears of those that end too soon, and leaves none behind. */
export class Crew {
  /** Rejects when a process ends that was not told to. */
  readonly failed: Promise<never>;
  readonly #control: Server<ControlBus>;
  readonly #running = new Map<number, ChildProcess>();
  readonly #expected = new Map<number, Expected>();
  readonly #mayEnd = new Set<number>();
  #fail: (error: Error) => void = () => {};

  constructor(options: ServerOptions) {
    this.#control = new Server<ControlBus>(options);
    this.#control.on('connect', (connection, arrival) => this.#expected.get(arrival.pid)?.arrived(connection, arrival));
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  async open(): Promise<void> {
    await this.#control.start();
  }

  get address(): string {
    const { address, port } = this.#control;
    return port === undefined ? (address ?? '') : `tcp:${address}`;
  }

  /** Starts the program of `role`; resolves when it said that it is ready. */
  start(role: Role, ...args: readonly (string | number)[]): Promise<Member> {
    const file = fileURLToPath(new URL(`./${role}.js`, import.meta.url));
    const child = spawn(process.execPath, [file, this.address, ...args.map(String)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#fail(new Error(`A ${role} process was not ready in time`)), startMs);
      child.once('error', (error) => this.#fail(error));
      const { pid } = child;
      if (pid === undefined) return;
      this.#running.set(pid, child);
      this.#expected.set(pid, {
        arrived: (connection, arrival) => {
          clearTimeout(late);
          this.#expected.delete(pid);
          resolve({ arrival, process: child, connection });
        },
      });
      child.once('exit', (code, signal) => {
        clearTimeout(late);
        this.#running.delete(pid);
        this.#expected.delete(pid);
        if (this.#mayEnd.has(pid)) return;
        const error = new Error(`A ${role} process ended by itself (${signal ?? code})`);
        this.#fail(error);
        reject(error);
      });
    });
  }

  /** Ends a process without a word, as a crash would. */
  async kill({ arrival: { pid }, process: child }: Member): Promise<void> {
    this.#mayEnd.add(pid);
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await exit(child);
  }

  /** Has every process leave, and kills those that are not ready to hear of it, or have not left in time. */
  async dismiss(): Promise<void> {
    const children = [...this.#running];
    const deaf = new Set(this.#expected.keys());
    for (const [pid] of children) this.#mayEnd.add(pid);
    await this.#control.close();
    await Promise.all(
      children.map(async ([pid, child]) => {
        const late = setTimeout(() => child.kill('SIGKILL'), deaf.has(pid) ? 0 : leaveMs);
        if (child.exitCode === null && child.signalCode === null) await exit(child);
        clearTimeout(late);
      }),
    );
  }
}

function exit(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
