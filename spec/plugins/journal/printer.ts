import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** A process of this folder, and the whole lines that it printed. */
export class Printer {
  readonly lines: string[] = [];
  readonly child: ChildProcess;
  /** Resolves once it has ended, and all that it printed is here. */
  readonly closed: Promise<unknown>;

  constructor(program: string, ...args: string[]) {
    const path = fileURLToPath(new URL(program, import.meta.url));
    const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child = child;
    this.closed = once(child, 'close');
    let rest = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      this.lines.push(...parts);
    });
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolves all that it printed. */
  async kill(): Promise<string[]> {
    if (!this.isOver) this.child.kill('SIGKILL');
    await this.closed;
    return this.lines;
  }
}
