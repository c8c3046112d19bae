import type { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';

/** A longer line is told in parts. */
const mostLineBytes = 65_536;
/** In each stretch of time as much is told about a process, and the rest is dropped: who prints all the time must not hold up the others. */
const stretchMs = 100;
const mostLines = 2_000;
const mostBytes = 1_048_576;
const newLine = 10;

export interface LineReaderEvents {
  line(line: string): void;
  /** As many bytes were read and not told. */
  dropped(bytes: number): void;
}

/** Reads what a process prints, as fast as it prints, and tells the lines. */
export class LineReader {
  readonly #clock: Clock;
  readonly #events: LineReaderEvents;
  readonly #stream: Readable;
  /** Resolves when all is read. */
  readonly closed: Promise<void>;
  #begun: Buffer[] = [];
  #begunBytes = 0;
  #stretchEnd = 0;
  #lines = 0;
  #bytes = 0;
  /** The rest of a dropped line is skipped. */
  #isSkipping = false;

  constructor(stream: Readable, clock: Clock, events: LineReaderEvents) {
    this.#stream = stream;
    this.#clock = clock;
    this.#events = events;
    stream.on('data', (bytes: Buffer) => this.#read(bytes));
    stream.on('error', () => {});
    this.closed = new Promise((resolve) => {
      stream.once('close', () => {
        if (this.#begunBytes > 0) this.#tell();
        resolve();
      });
    });
  }

  /** Reads no more. */
  end(): void {
    this.#stream.destroy();
  }

  #read(bytes: Buffer): void {
    const now = this.#clock.now();
    if (now >= this.#stretchEnd) {
      this.#stretchEnd = now + stretchMs;
      this.#lines = 0;
      this.#bytes = 0;
    }
    let from = 0;
    if (this.#isSkipping) {
      from = bytes.indexOf(newLine) + 1;
      if (from === 0) from = bytes.length;
      else this.#isSkipping = false;
      this.#events.dropped(from);
    }
    while (from < bytes.length) {
      if (this.#lines >= mostLines || this.#bytes >= mostBytes) {
        this.#events.dropped(bytes.length - from);
        this.#isSkipping = bytes.at(-1) !== newLine;
        return;
      }
      const end = bytes.indexOf(newLine, from);
      this.#add(bytes.subarray(from, end === -1 ? bytes.length : end));
      if (end === -1) return;
      this.#tell();
      from = end + 1;
    }
  }

  #add(part: Buffer): void {
    for (let from = 0; from < part.length; ) {
      const some = part.subarray(from, from + mostLineBytes - this.#begunBytes);
      // The platform reads into bytes of its own, which are this reader's until it has told them.
      this.#begun.push(some);
      this.#begunBytes += some.length;
      from += some.length;
      if (this.#begunBytes >= mostLineBytes) this.#tell();
    }
  }

  #tell(): void {
    const line = Buffer.concat(this.#begun).toString().replace(/\r$/, '');
    this.#lines += 1;
    this.#bytes += this.#begunBytes;
    this.#begun = [];
    this.#begunBytes = 0;
    this.#events.line(line);
  }
}
