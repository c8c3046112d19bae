import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * What a process has to know after it was killed, in a file with a line for each fact. A write is in the hands of the
 * system when it returns, so it outlives the process, though not a power failure.
 */
export class Journal {
  readonly #file: number;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'a');
  }

  /** The facts of the processes before this one. */
  facts(): unknown[] {
    const lines = readFileSync(this.#path, 'utf8').split('\n');
    lines.pop();
    return lines.map((line): unknown => JSON.parse(line));
  }

  write(fact: unknown): void {
    writeSync(this.#file, `${JSON.stringify(fact)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}
