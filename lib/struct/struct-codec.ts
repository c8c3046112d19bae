import { BusError } from '../base/errors.ts';
import { shorten } from '../base/fingerprint.ts';
import { unencodable } from '../wire/codec/unencodable.ts';
import type { BodyContract, BodyLimits, WrittenBody } from '../wire/contracts.ts';
import { readCode } from './read-code.ts';
import { reading, type Read } from './reading.ts';
import { full, Scratch } from './scratch.ts';
import { type Measure, measure, signature, type StructShape } from './shape.ts';
import { refuse, Source } from './source.ts';
import { writeCode } from './write-code.ts';
import { writing, type Write } from './writing.ts';

const scratch = new Scratch();
const source = new Source();

/** Whether code may be generated here; looked at once, as it is told by an error. */
const generates = ((): (() => boolean) => {
  let found: boolean | undefined;
  return () => (found ??= mayGenerate());
})();

function mayGenerate(): boolean {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval
    const made = new Function('return true') as () => boolean;
    return made();
  } catch {
    return false;
  }
}

/** How the values of one struct are written and read: by code made for it, when it is first needed. */
export class StructCodec implements BodyContract {
  readonly name: string;
  readonly hash: string;
  readonly depth: number;
  readonly #shape: StructShape;
  readonly #measure: Measure;
  readonly #generates: boolean | undefined;
  #write: Write | undefined;
  #read: Read | undefined;

  /** `generates`: whether to do it by code; where that may be unless it is given. */
  constructor(name: string, shape: StructShape, mayGenerate?: boolean) {
    this.name = name;
    this.#shape = shape;
    this.#measure = measure(shape);
    this.#generates = mayGenerate;
    this.hash = shorten(`${JSON.stringify(name)}${signature(shape)}`);
    this.depth = this.#measure.depth;
  }

  encode(value: unknown, number: number, limits: BodyLimits): WrittenBody | undefined {
    if (scratch.inUse) throw new BusError('ERR_STATE', 'A toJSON or getter cannot send');
    scratch.inUse = true;
    try {
      return this.#encode(value, number, limits) ? scratch.taken() : undefined;
    } catch (cause) {
      throw unencodable(cause);
    } finally {
      scratch.inUse = false;
    }
  }

  decode(bytes: Uint8Array, start: number, end: number, limits: BodyLimits): unknown {
    this.#read ??= (this.#generates ?? generates()) ? readCode(this.#shape) : reading(this.#shape);
    source.begin(bytes, start, end, this.#measure.cost, limits);
    try {
      const value = this.#read(source);
      return source.at === end ? value : refuse();
    } finally {
      source.finish();
    }
  }

  #encode(value: unknown, number: number, limits: BodyLimits): boolean {
    this.#write ??= (this.#generates ?? generates()) ? writeCode(this.#shape) : writing(this.#shape);
    const { fixed, cost } = this.#measure;
    for (;;) {
      scratch.begin(fixed + 1, cost, limits);
      scratch.buffer[0] = number;
      try {
        const length = this.#write(value, scratch, 1);
        if (length < 0) return false;
        scratch.finish(length);
        return true;
      } catch (cause) {
        if (cause !== full) throw cause;
        scratch.grow(limits.maxBytes);
      }
    }
  }
}
