import { codeOf } from '../base/thrown.ts';
import { DeflateRaw, InflateRaw } from 'fast-zlib';
import { BusError } from '../base/errors.ts';
import type { Deflater, Inflater } from './compression.ts';

type Context = DeflateRaw | InflateRaw;

/** A deflate stream that allocates its memory at first use. `level` is zlib's, 0 to 9. */
export function createDeflater(level?: number): Deflater {
  return new GuardedContext(() => new DeflateRaw(level === undefined ? {} : { level }));
}

/** An inflate stream that allocates its memory at first use; one packet yields at most `maxOutputBytes`. */
export function createInflater(maxOutputBytes: number): Inflater {
  return new GuardedContext(() => new InflateRaw({ maxOutputLength: maxOutputBytes }));
}

/**
 * zlib reports a corrupt stream twice: it throws, and a tick later it emits `error`, which would end the process. And a
 * stream that failed can't be trusted again.
 */
class GuardedContext implements Deflater, Inflater {
  readonly #create: () => Context;
  #context: Context | undefined;
  #closed = false;

  constructor(create: () => Context) {
    this.#create = create;
  }

  process(bytes: Uint8Array): Uint8Array {
    if (this.#closed) throw new BusError('ERR_PROTOCOL', 'The compression stream of this link is closed');
    const context = (this.#context ??= this.#create());
    const { instance } = context;
    try {
      return context.process(bytes);
    } catch (error) {
      instance.on('error', ignore);
      this.close();
      if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
        throw new BusError('ERR_TOO_LARGE', 'A compressed packet inflates to more than the limit', { cause: error });
      }
      throw new BusError('ERR_PROTOCOL', 'A packet is not a valid part of the deflate stream', { cause: error });
    }
  }

  close(): void {
    this.#closed = true;
    const context = this.#context;
    this.#context = undefined;
    context?.close();
  }
}

function ignore(): void {}
