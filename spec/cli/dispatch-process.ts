import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../support/repository.ts';

/** The program as it is published, which starts in half the time of its modules one by one. */
export const cli = join(root, 'dist/cli.js');

interface Line {
  readonly event: string;
  readonly [member: string]: unknown;
}

/** `busbar dispatch` as a process of its own, and the lines of its log. */
export class DispatchProcess {
  readonly #child: ChildProcess;
  readonly lines: Line[] = [];
  readonly #watchers = new Set<() => void>();
  /** The exit code, or the signal's name. */
  readonly ended: Promise<number | string | null>;
  #output = '';

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [cli, 'dispatch', ...args], {
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.ended = new Promise((resolve) => this.#child.once('close', (code, signal) => resolve(code ?? signal)));
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
  }

  /** Starts it at a free port and resolves once it listens. */
  static async start(args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}): Promise<DispatchProcess> {
    const running = new DispatchProcess(['--port', '0', ...args], environment);
    await running.logged('listening');
    return running;
  }

  get port(): number {
    return Number(this.lines.find(({ event }) => event === 'listening')?.['port']);
  }

  /** Resolves with the first line of this event, past or to come. */
  async logged(event: string): Promise<Line> {
    for (;;) {
      const line = this.lines.find((candidate) => candidate.event === event);
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  /** Stops it where it is, or lets it go on. */
  freeze(isFrozen: boolean): void {
    this.#child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Asks it to end, and resolves its exit code. */
  stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<number | string | null> {
    this.#child.kill(signal);
    return this.ended;
  }

  #read(text: string): void {
    const parts = (this.#output + text).split('\n');
    this.#output = parts.pop() ?? '';
    for (const part of parts) this.lines.push(JSON.parse(part));
    for (const watcher of this.#watchers) watcher();
    this.#watchers.clear();
  }
}
