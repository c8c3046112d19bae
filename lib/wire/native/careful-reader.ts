import { asList, MessagePackReader } from './message-pack-reader.ts';

const word = Uint8Array.from('__proto__', (letter) => letter.charCodeAt(0));
const last = word.length - 1;

/** How far the word may be moved on when a byte stands under its last letter; 0 for that letter itself. */
const skips = new Uint8Array(256).fill(word.length);
for (let at = 0; at < last; at++) skips[word[at] as number] = last - at;
skips[word[last] as number] = 0;

/** Whether the text `__proto__` stands in `bytes`. Looks at every seventh byte or so, since each body is asked. */
export function holdsProto(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start + last;
  while (at < end) {
    const skip = skips[bytes[at] as number] as number;
    if (skip > 0) {
      at += skip;
      continue;
    }
    let same = 1;
    while (same <= last && bytes[at - same] === word[last - same]) same += 1;
    if (same > last) return true;
    at += 1;
  }
  return false;
}

const definition = 0x72;
const errors = new Map(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((type) => [type.name, type]),
);

/** Shapes by their number. */
export interface KnownShapes {
  readonly structures: string[][];
}

/** Reads what msgpackr reads, more slowly, and drops keys `__proto__` with their values. */
export class CarefulReader extends MessagePackReader {
  readonly #known: KnownShapes | undefined;
  #isNeeded = false;

  /** `known`: what msgpackr knows in this session; what is defined here is added. */
  constructor(known: KnownShapes | undefined) {
    super();
    this.#known = known;
  }

  /** Whether a shape has the key, so that every body may. */
  get isNeeded(): boolean {
    return this.#isNeeded;
  }

  protected override small(token: number): unknown {
    const shape = token < 0x40 ? undefined : this.#known?.structures[token & 0x3f];
    return shape === undefined ? token : this.#record(shape);
  }

  protected override other(type: number, bytes: Uint8Array): unknown {
    if (type !== definition || bytes.length !== 1 || this.#known === undefined) return super.other(type, bytes);
    const shape = asList(this.value()).map(String);
    if (shape.includes('__proto__')) this.#isNeeded = true;
    this.#known.structures[(bytes[0] as number) & 0x3f] = shape;
    return this.#record(shape);
  }

  protected override error(parts: readonly unknown[]): Error {
    const [name, message, cause] = parts;
    const type = errors.get(String(name));
    return type === undefined ? super.error(parts) : new type(String(message), { cause });
  }

  #record(shape: readonly string[]): object {
    const object: Record<string, unknown> = {};
    for (const key of shape) this.put(object, key);
    return object;
  }
}
