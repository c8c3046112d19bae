import type { Fingerprint } from './fingerprint.ts';

/** How the whole value is handed over at the other end. */
export type ValueKind = 'string' | 'bytes';

/** What is sent: bytes that can be read again from any position, so that a broken transfer goes on. */
export interface Payload {
  readonly kind: ValueKind;
  /** The base name of a file; undefined for anything else. */
  readonly name: string | undefined;
  /** Bytes in all; undefined while the end of a stream is not known. */
  readonly size: number | undefined;
  /** Bytes that can be read without waiting for a source. */
  readonly available: number;
  readonly fingerprint: Fingerprint;
  /**
   * At most `length` bytes from `position`, none at the end. They may lie in `scratch` and are good until it is used again.
   */
  read(position: number, length: number, scratch: Scratch): Promise<Uint8Array>;
  /** Resolves when more than `position` bytes are available or the end is known. */
  beyond(position: number): Promise<void>;
  close(): Promise<void>;
}

/** A buffer that is made when it is first needed and grows to what is asked of it. */
export class Scratch {
  #buffer: Buffer | undefined;

  take(length: number): Buffer {
    if (this.#buffer === undefined || this.#buffer.length < length) this.#buffer = Buffer.allocUnsafeSlow(length);
    return this.#buffer.subarray(0, length);
  }
}
