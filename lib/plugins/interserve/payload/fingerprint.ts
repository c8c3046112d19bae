import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type Payload, Scratch } from './payload.ts';

const portion = 256 * 1024;

/**
 * The SHA-256 of a payload, fed by whoever reads it: several readers at different positions hash every byte once, and what
 * nobody has read is read at the end.
 */
export class Fingerprint {
  readonly #hash = createHash('sha256');
  #position = 0;
  #digest: string | undefined;

  feed(position: number, bytes: Uint8Array): void {
    const skip = this.#position - position;
    if (skip < 0 || skip >= bytes.length) return;
    this.#hash.update(skip === 0 ? bytes : bytes.subarray(skip));
    this.#position = position + bytes.length;
  }

  /** In hexadecimal. Rejects what reading the payload rejects. */
  async of(payload: Payload): Promise<string> {
    const scratch = new Scratch();
    while (this.#digest === undefined) {
      const position = this.#position;
      const bytes = await payload.read(position, portion, scratch);
      if (bytes.length > 0) {
        this.feed(position, bytes);
        await setImmediate();
      } else if (position === this.#position) {
        this.#digest ??= this.#hash.digest('hex');
      }
    }
    return this.#digest;
  }
}
