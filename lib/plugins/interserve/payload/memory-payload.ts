import { Fingerprint } from './fingerprint.ts';
import type { Payload, ValueKind } from './payload.ts';

/** A string or bytes in memory. Bytes are not copied: they must stay as they are until the transfer is over. */
export class MemoryPayload implements Payload {
  readonly kind: ValueKind;
  readonly name = undefined;
  readonly size: number;
  readonly fingerprint = new Fingerprint();
  readonly #bytes: Uint8Array;

  constructor(data: string | ArrayBufferView) {
    this.kind = typeof data === 'string' ? 'string' : 'bytes';
    this.#bytes =
      typeof data === 'string'
        ? Buffer.from(data, 'utf8')
        : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.size = this.#bytes.length;
  }

  get available(): number {
    return this.size;
  }

  read(position: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.#bytes.subarray(position, position + length));
  }

  beyond(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
