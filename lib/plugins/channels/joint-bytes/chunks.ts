import { allocateShared } from '../../../base/bytes.ts';
import { BusError } from '../../../base/errors.ts';

/** The largest chunk that headers of 1, 2, 3 and 4 bytes can state: 7 bits a byte, 8 in the last one permitted. */
const classes = [256, 32_768, 4_194_304, 536_870_912] as const;

/** How long headers may be where chunks have at most `maxChunkBytes`; both ends must use the same class. */
export function headerClass(maxChunkBytes: number): number {
  const index = classes.findIndex((limit) => maxChunkBytes <= limit);
  if (index < 0) throw new BusError('ERR_TOO_LARGE', `A chunk has at most ${classes[3]} bytes`);
  return index + 1;
}

/** What stands before a chunk inside the byte stream: its size less one, in groups of seven bits, low group first. */
export function chunkHeader(size: number, maxChunkBytes: number): Uint8Array {
  if (size < 1) throw new BusError('ERR_INVALID_ARGUMENT', 'A chunk has at least one byte');
  if (size > maxChunkBytes) throw new BusError('ERR_TOO_LARGE', `The chunk has ${size} of ${maxChunkBytes} bytes`);
  return Uint8Array.from(groups(size - 1, headerClass(maxChunkBytes)));
}

/** Writes `value` in at most `maxBytes` base-128 groups, the last permitted one with eight bits. */
export function groups(value: number, maxBytes: number): number[] {
  const bytes: number[] = [];
  while (bytes.length < maxBytes - 1 && value > 127) {
    bytes.push((value & 127) | 128);
    value >>>= 7;
  }
  bytes.push(value);
  return bytes;
}

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
        `A chunk of ${size} bytes was announced; the limit is ${this.#maxChunkBytes}`,
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
