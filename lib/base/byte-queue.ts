import { Queue } from './queue.ts';

/** Bytes that wait to be sent, in the pieces in which they were written. */
export class ByteQueue {
  readonly #pieces = new Queue<Uint8Array>();
  /** How many they are. */
  size = 0;

  add(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#pieces.push(bytes);
    this.size += bytes.length;
  }

  /** Takes out the first `size` of them, which are there, and writes them to `target` from `at` on. */
  moveTo(target: Uint8Array, at: number, size: number): void {
    const end = at + size;
    let next = at;
    for (let first = this.#pieces.first; first !== undefined && next < end; first = this.#pieces.first) {
      const part = first.length <= end - next ? first : first.subarray(0, end - next);
      target.set(part, next);
      next += part.length;
      if (part === first) this.#pieces.shift();
      else this.#pieces.replaceFirst(first.subarray(part.length));
    }
    this.size -= size;
  }

  clear(): void {
    this.#pieces.clear();
    this.size = 0;
  }
}
