import type { BusError } from '../../../base/errors.ts';

/** Where a transfer's bytes go at the receiving end, in order and without gaps, over any number of requests. */
export interface Sink {
  /** A promise asks to wait before the next chunk; rejects if nothing more can be taken. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** All bytes came and are the right ones. Resolves when the receiver's callback took them, rejects as it does. */
  finish(sha256: string): Promise<void>;
  /** The transfer failed: leaves nothing behind. */
  discard(error: BusError): Promise<void>;
}
