import { write } from 'node:fs';
import type { Clock } from '../../base/clock.ts';
import { codeOf } from '../../base/thrown.ts';
import { Signal, sleep, withinTime } from '../../base/wait.ts';

/** What waits to be written; what comes when there is as much is dropped. */
const mostBytes = 1_048_576;
const mostAtOnce = 65_536;
/** Where the descriptor takes nothing. */
const againMs = 10;

/** Writes texts to a descriptor: never waits for it, and keeps no more than a limit. */
export class Printer {
  readonly #clock: Clock;
  readonly #descriptor: number;
  #texts: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;
  #isWriting = false;
  readonly #written = new Signal();

  constructor(clock: Clock, descriptor: number) {
    this.#clock = clock;
    this.#descriptor = descriptor;
  }

  get isFull(): boolean {
    return this.#bytes >= mostBytes;
  }

  /** `text` ends with a new line. */
  print(text: string): void {
    if (this.isFull) {
      this.drop(text.length);
      return;
    }
    if (this.#dropped > 0) {
      this.#add(`busbar fleet: ${this.#dropped} bytes of output were dropped\n`);
      this.#dropped = 0;
    }
    this.#add(text);
  }

  /** As many bytes are not printed. */
  drop(bytes: number): void {
    this.#dropped += bytes;
  }

  /** Resolves when all is written, or `ms` have passed. */
  async flush(ms: number): Promise<void> {
    if (this.#dropped > 0 && !this.isFull) this.print('');
    await withinTime(this.#clock, ms, this.#whenWritten());
  }

  async #whenWritten(): Promise<void> {
    while (this.#isWriting) await this.#written.next();
  }

  #add(text: string): void {
    const bytes = Buffer.from(text);
    this.#texts.push(bytes);
    this.#bytes += bytes.length;
    if (!this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    // What is printed in one turn goes out together.
    await new Promise<void>((resolve) => this.#clock.defer(resolve));
    while (this.#texts.length > 0) {
      let bytes = Buffer.concat(this.#texts.splice(0, this.#howMany()));
      while (bytes.length > 0) {
        const written = await this.#writeSome(bytes);
        if (written === undefined) {
          this.#bytes -= bytes.length;
          break;
        }
        this.#bytes -= written;
        bytes = bytes.subarray(written);
        if (written === 0) await sleep(this.#clock, againMs, undefined, true);
      }
    }
    this.#isWriting = false;
    this.#written.wake();
  }

  #howMany(): number {
    let [count, bytes] = [0, 0];
    while (count < this.#texts.length && bytes < mostAtOnce) bytes += this.#texts[count++]?.length ?? 0;
    return count;
  }

  /** Undefined where nobody can read it any more. */
  #writeSome(bytes: Buffer): Promise<number | undefined> {
    return new Promise((resolve) => {
      // The write waits in a thread of the platform's, and holds nobody up here.
      write(this.#descriptor, bytes, 0, bytes.length, null, (error, written) => {
        if (error === null) resolve(written);
        else resolve(codeOf(error) === 'EAGAIN' ? 0 : undefined);
      });
    });
  }
}
