import { type ChildProcess, fork } from 'node:child_process';
import { dial } from './links.ts';

const childFile = new URL('../transport/unix-child.js', import.meta.url);

/** A process that listens, with what it says. */
export class Child {
  readonly process: ChildProcess;
  readonly exited: Promise<void>;
  readonly said: string[] = [];
  #wake = (): void => {};

  constructor(mode: 'listen' | 'takeover' | 'hold' | 'small', path: string) {
    this.process = fork(childFile, [mode, path], { execArgv: [] });
    this.process.on('message', (message) => {
      this.said.push(String(message));
      this.#wake();
    });
    this.exited = new Promise((resolve) => this.process.once('exit', () => resolve()));
  }

  async says(word: string): Promise<void> {
    while (!this.said.includes(word)) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async spoke(): Promise<string> {
    while (this.said.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.said[0]!;
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }
}

/** Who answers at `path`. */
export async function pidBehind(path: string): Promise<number> {
  const client = await dial({ kind: 'unix', path });
  await client.closed;
  return Number(client.text);
}
