import { allocate } from './bytes.ts';
import { BusError } from './errors.ts';

const firstSlabBytes = 4_096;
const largestSlabBytes = 65_536;
/** Pieces from this size on are not copied when they are gathered. */
const adoptFrom = 16_384;
const noBuffer = new Uint8Array(0);

/**
 * Where encoders write: one growing run of bytes, handed out a turn at a time. Bytes handed out are never touched
 * again, so the platform and the replay buffer may keep them.
 */
export class Slab {
  /** Where to write; at least as much room as the last `ensure` asked for is behind `position`. */
  buffer: Uint8Array = noBuffer;
  position = 0;
  /** Data of the user's is written behind `position`: what its `toJSON` and the like send would be written over it. */
  isLent = false;
  /** Of `buffer`; made for who asks for it. */
  #view: DataView | undefined;
  #start = 0;
  #sealed: Uint8Array[] = [];
  #sealedBytes = 0;
  /** Shared bytes that the next ones may follow; they are behind what is sealed and before what is written. */
  #shared: Uint8Array | undefined;
  #sharedStart = 0;
  #sharedEnd = 0;
  /** Doubles with each buffer, so that who writes little holds little. */
  #nextBytes: number;
  readonly #firstBytes: number;

  constructor(firstBytes = firstSlabBytes) {
    this.#firstBytes = firstBytes;
    this.#nextBytes = firstBytes;
  }

  /** Bytes written and not yet removed. */
  get pendingBytes(): number {
    return this.#sealedBytes + this.position - this.#start;
  }

  /** Whether the bytes before the next ones are of the slab's own buffer. */
  get isWriting(): boolean {
    return this.position !== this.#start;
  }

  /** The same memory as `buffer`. */
  get view(): DataView {
    const { buffer } = this;
    return (this.#view ??= new DataView(buffer.buffer, buffer.byteOffset, buffer.length));
  }

  /**
   * Makes room for `bytes` more; `buffer` and `position` may have changed after it.
   * @throws BusError `ERR_STATE` from inside data that is being written.
   */
  ensure(bytes: number): void {
    if (this.isLent) throw new BusError('ERR_STATE', 'A toJSON or getter cannot send');
    if (this.buffer.length - this.position >= bytes) return;
    this.#seal();
    this.buffer = allocate(Math.max(this.#nextBytes, bytes));
    this.#view = undefined;
    this.#nextBytes = Math.min(this.#nextBytes * 2, largestSlabBytes);
    this.position = 0;
    this.#start = 0;
  }

  /** Adds `bytes` without copying them; they must not change any more. */
  adopt(bytes: Uint8Array): void {
    this.#seal();
    this.#sealed.push(bytes);
    this.#sealedBytes += bytes.length;
  }

  /** Adds `bytes`, which must not change any more; few of them as a copy, so that a piece costs no more than its bytes. */
  gather(bytes: Uint8Array): void {
    if (bytes.length >= adoptFrom) {
      this.adopt(bytes);
      return;
    }
    this.ensure(bytes.length);
    this.buffer.set(bytes, this.position);
    this.position += bytes.length;
  }

  /** The same as `adopt` for part of a buffer that others use too; parts that follow each other are handed out as one. */
  share(buffer: Uint8Array, start: number, end: number): void {
    this.#sealedBytes += end - start;
    if (this.#shared === buffer && this.#sharedEnd === start && this.position === this.#start) {
      this.#sharedEnd = end;
      return;
    }
    this.#seal();
    this.#shared = buffer;
    this.#sharedStart = start;
    this.#sharedEnd = end;
  }

  /** Releases the buffer, for when nothing is written for a while. */
  release(): void {
    if (this.position !== this.#start) return;
    this.buffer = noBuffer;
    this.#view = undefined;
    this.position = 0;
    this.#start = 0;
    this.#nextBytes = this.#firstBytes;
  }

  /** Everything written since the last take, in order. */
  take(): Uint8Array[] {
    this.#seal();
    const taken = this.#sealed;
    this.#sealed = [];
    this.#sealedBytes = 0;
    return taken;
  }

  /** Carries on in `buffer`, of which `start` to `end` are the next bytes written. */
  moveTo(buffer: Uint8Array, start: number, end: number): void {
    this.#seal();
    this.buffer = buffer;
    this.#view = undefined;
    this.#start = start;
    this.position = end;
  }

  #seal(): void {
    if (this.#shared !== undefined) {
      this.#sealed.push(this.#shared.subarray(this.#sharedStart, this.#sharedEnd));
      this.#shared = undefined;
    }
    if (this.position === this.#start) return;
    this.#sealed.push(this.buffer.subarray(this.#start, this.position));
    this.#sealedBytes += this.position - this.#start;
    this.#start = this.position;
  }
}
