import { allocateShared } from '../../../base/bytes.ts';
import { BusError } from '../../../base/errors.ts';
import { headerClass } from './chunk-header.ts';

/** Cuts the chunks out of a byte stream; one for each direction of each user. Holds at most one chunk. */
export class ChunkDecoder {
  readonly #maxChunkBytes: number;
  readonly #headerBytes: number;
  #header = 0;
  #shift = 0;
  #chunk: Uint8Array | undefined;
  #size = 0;
  #filled = 0;

  constructor(maxChunkBytes: number) {
    this.#maxChunkBytes = maxChunkBytes;
    this.#headerBytes = headerClass(maxChunkBytes);
  }

  /** Calls `sink` for each whole chunk. Throws `ERR_TOO_LARGE` for one over the limit, and is then of no more use. */
  feed(bytes: Uint8Array, sink: (chunk: Uint8Array) => void): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#size === 0) {
        this.#readHeader(bytes[at] ?? 0);
        at += 1;
        continue;
      }
      const wanted = this.#size - this.#filled;
      if (this.#filled === 0 && bytes.length - at >= wanted) {
        const whole = bytes.subarray(at, at + wanted);
        this.#size = 0;
        at += wanted;
        sink(whole);
        continue;
      }
      at += this.#collect(bytes.subarray(at, at + wanted), sink);
    }
  }

  #readHeader(byte: number): void {
    const last = this.#shift === 7 * (this.#headerBytes - 1);
    this.#header += (last ? byte : byte & 127) * 2 ** this.#shift;
    if (!last && byte > 127) {
      this.#shift += 7;
      return;
    }
    const size = this.#header + 1;
    this.#header = 0;
    this.#shift = 0;
    if (size > this.#maxChunkBytes) {
      throw new BusError(
        'ERR_TOO_LARGE',
        `A chunk of ${size} bytes was announced; the limit is ${this.#maxChunkBytes}.`,
      );
    }
    this.#size = size;
    this.#filled = 0;
  }

  #collect(part: Uint8Array, sink: (chunk: Uint8Array) => void): number {
    this.#chunk = room(this.#chunk, this.#filled, this.#filled + part.length, this.#size);
    this.#chunk.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled === this.#size) {
      const whole = this.#chunk.subarray(0, this.#size);
      this.#chunk = undefined;
      this.#size = 0;
      this.#filled = 0;
      sink(whole);
    }
    return part.length;
  }
}

/** A buffer that holds `needed` bytes; it grows by doubling, so that a stated size alone allocates nothing. */
function room(buffer: Uint8Array | undefined, kept: number, needed: number, most: number): Uint8Array {
  if (buffer !== undefined && buffer.length >= needed) return buffer;
  const grown = allocateShared(Math.min(most, Math.max(needed, 2 * kept, 1_024)));
  if (buffer !== undefined) grown.set(buffer.subarray(0, kept));
  return grown;
}
