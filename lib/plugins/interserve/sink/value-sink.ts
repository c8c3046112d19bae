import { transferError } from '../outcomes.ts';
import type { ValueKind } from '../payload/payload.ts';
import type { Sink } from './sink.ts';

/** Collects the whole in memory and hands over what was sent: a string or a Buffer. */
export class ValueSink implements Sink {
  readonly #kind: ValueKind;
  readonly #size: number | undefined;
  readonly #deliver: (value: string | Buffer, sha256: string) => unknown;
  /** Made when the first byte comes, so that an announcement alone costs nothing. */
  #whole: Buffer | undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(kind: ValueKind, size: number | undefined, deliver: (value: string | Buffer, sha256: string) => unknown) {
    this.#kind = kind;
    this.#size = size;
    this.#deliver = deliver;
  }

  write(bytes: Uint8Array): undefined {
    if (this.#size === undefined) {
      this.#chunks.push(bytes);
    } else {
      this.#whole ??= Buffer.allocUnsafeSlow(this.#size);
      this.#whole.set(bytes, this.#bytes);
    }
    this.#bytes += bytes.length;
    return undefined;
  }

  async finish(sha256: string): Promise<void> {
    const whole = this.#whole ?? Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [];
    this.#whole = undefined;
    await this.#deliver(this.#kind === 'string' ? decode(whole) : whole, sha256);
  }

  discard(): Promise<void> {
    this.#chunks = [];
    this.#whole = undefined;
    return Promise.resolve();
  }
}

function decode(bytes: Buffer): string {
  try {
    return bytes.toString('utf8');
  } catch (error) {
    throw transferError(
      'large',
      'The string is longer than this platform can hold; receive it as a stream or file',
      error,
    );
  }
}
