import { asList, MessagePackReader } from './message-pack-reader.ts';

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
