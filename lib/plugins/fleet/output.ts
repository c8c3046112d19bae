import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/wait.ts';
import { LineReader } from './line-reader.ts';
import { Printer } from './printer.ts';
import type { Worker } from './worker.ts';

const streams = ['stdout', 'stderr'] as const;
const descriptors = { stdout: 1, stderr: 2 } as const;
/** How long what a process printed last may take to come, or to be printed. */
const lastMs = 500;

type Told = (line: string, stream: (typeof streams)[number]) => void;

/** What the processes of a fleet print. */
export class Output {
  readonly #clock: Clock;
  readonly #printers: Readonly<Record<(typeof streams)[number], Printer>> | undefined;
  readonly #ending = new Set<Promise<void>>();

  constructor(clock: Clock, prints: boolean) {
    this.#clock = clock;
    this.#printers = prints
      ? { stdout: new Printer(clock, descriptors.stdout), stderr: new Printer(clock, descriptors.stderr) }
      : undefined;
  }

  /** Reads what it prints from now on, until it has ended. */
  read(worker: Worker, name: string, told: Told): void {
    const readers = streams.flatMap((stream) => {
      const readable = worker.body[stream];
      if (readable === null) return [];
      const printer = this.#printers?.[stream];
      const line = (text: string): void => {
        told(text, stream);
        printer?.print(`${name} | ${text}\n`);
      };
      return [new LineReader(readable, this.#clock, { line, dropped: (bytes) => printer?.drop(bytes) })];
    });
    if (readers.length === 0) return;
    const end = worker.over.then(async () => {
      // Somebody else may hold its descriptors.
      await sleep(this.#clock, lastMs, undefined, true);
      for (const reader of readers) reader.end();
    });
    const closed = Promise.race([end, Promise.all(readers.map(({ closed: one }) => one))]).then(() => {
      this.#ending.delete(closed);
    });
    this.#ending.add(closed);
  }

  /** Resolves when what ended processes have printed is out, or some time has passed. */
  async flush(): Promise<void> {
    await Promise.all(this.#ending);
    await Promise.all(Object.values(this.#printers ?? {}).map((printer) => printer.flush(lastMs)));
  }
}
