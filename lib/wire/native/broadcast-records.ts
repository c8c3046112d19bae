import type { Definition } from '../dialect.ts';
import { BodyPacker, type Packed } from './body-codec.ts';
import { checkBody, type KnownShapes } from './msgpack-check.ts';

/** Definitions with more are not announced: all of them together are less than half of what a session may have. */
const mostKeys = 512;
const mostKeyBytes = 32_768;

/**
 * A body that defines something counts like this many that define nothing; if the sum is large, shapes rarely repeat.
 */
const costOfDefining = 4;
const tooRarelyAgain = 64;
/** For this many broadcasts after that, records are not tried. */
const restFor = 4_096;

/** A shorter body cannot define enough records for the packer's numbers to wrap around. */
const shortBytes = 384;

const nil = 0xc0;
const listOfTwo = 0x92;
const list16 = 0xdc;
const nothing: readonly Definition[] = [];

/** A body, with the definitions that held when it was packed, its own among them. */
export interface PackedByRecords extends Omit<Packed, 'defines'> {
  readonly definitions: readonly Definition[];
  readonly defines: readonly Definition[];
}

/** The shapes of one body. */
class BodyShapes implements KnownShapes {
  readonly needed = new Set<number>();
  /** By id: where its keys are. */
  readonly defined = new Map<number, { readonly keys: number; readonly start: number; readonly end: number }>();
  /** A number means two shapes in one body, or a definition is too large to be announced. */
  isUnfit = false;
  readonly #definitions: readonly Definition[];

  constructor(definitions: readonly Definition[]) {
    this.#definitions = definitions;
  }

  keysOf(id: number): number {
    const own = this.defined.get(id);
    if (own !== undefined) return own.keys;
    this.needed.add(id);
    return this.#definitions[id]?.keys ?? 0;
  }

  define(id: number, keys: number, start: number, end: number): boolean {
    if (this.needed.has(id) || this.defined.has(id) || keys > mostKeys || end - start > mostKeyBytes) {
      this.isUnfit = true;
    }
    this.defined.set(id, { keys, start, end });
    return true;
  }
}

/** @throws BusError for a body that no end reads. */
function shapesOf(bytes: Uint8Array, start: number, end: number, definitions: readonly Definition[]): BodyShapes {
  const shapes = new BodyShapes(definitions);
  checkBody(bytes, start, end, Infinity, shapes, 'ERR_UNENCODABLE', Infinity);
  return shapes;
}

/** What a body refers to of the `definitions` that held when it was packed. */
export function neededBy(
  bytes: Uint8Array,
  start: number,
  end: number,
  definitions: readonly Definition[],
): readonly Definition[] {
  return Array.from(shapesOf(bytes, start, end, definitions).needed, (id) => definitions[id] as Definition);
}

/** What a body costs to read for a peer that has the `definitions`. */
export function costOf(body: Uint8Array, definitions: readonly Definition[]): number {
  return checkBody(body, 0, body.length, Infinity, new BodyShapes(definitions), 'ERR_UNENCODABLE', Infinity).cost;
}

/**
 * The record definitions of a server, for its broadcasts: a peer that lacks one that a body refers to gets it in front
 * of that body. Definitions go only to peers that get a body with them.
 */
export class BroadcastRecords {
  readonly #packer = new BodyPacker({ keys: 0, bytes: 0 });
  /** Those that hold, by their numbers: another list whenever one is made. */
  #definitions = nothing;
  #made = 0;
  #defining = 0;
  #rest = 0;

  /** As `BodyPacker.pack`; undefined where the body is better written without records. */
  pack(data: unknown, into: Uint8Array, at: number, headroom: number, maxDepth: number): PackedByRecords | undefined {
    if (this.#rest > 0) {
      this.#rest -= 1;
      return undefined;
    }
    const { buffer, start, end, records, cost, defines } = this.#packer.pack(data, into, at, headroom, maxDepth);
    if (!records) return undefined;
    if (defines !== true && end - start < shortBytes) {
      if (this.#defining > 0) this.#defining -= 1;
      return { buffer, start, end, records, cost, definitions: this.#definitions, defines: nothing };
    }
    try {
      const shapes = shapesOf(buffer, start, end, this.#definitions);
      const defined = this.#take(buffer, shapes);
      if (shapes.isUnfit) return undefined;
      return { buffer, start, end, records, cost, definitions: this.#definitions, defines: defined };
    } catch {
      // What it defined is known to nobody; whoever writes it without records finds what is wrong with it.
      this.#packer.forget();
      return undefined;
    }
  }

  #take(buffer: Uint8Array, { defined }: BodyShapes): readonly Definition[] {
    if (defined.size === 0) return nothing;
    this.#defining += costOfDefining;
    if (this.#defining > tooRarelyAgain) {
      this.#defining = 0;
      this.#rest = restFor;
    }
    const definitions = [...this.#definitions];
    const made = Array.from(defined, ([id, { keys, start, end }]): Definition => {
      this.#made += 1;
      return { id, keys, version: this.#made, record: recordOf(id, buffer.subarray(start, end), keys) };
    });
    for (const one of made) definitions[one.id] = one;
    this.#definitions = definitions;
    return made;
  }
}

/** `body`, in a list behind the definitions that it needs. */
export function behindDefinitions(needs: readonly Definition[], body: Uint8Array): Uint8Array {
  const bytes = needs.reduce((sum, { record }) => sum + record.length, 0);
  const head = [listOfTwo, list16, 0, needs.length];
  const all = new Uint8Array(head.length + bytes + body.length);
  all.set(head);
  let at = head.length;
  for (const { record } of needs) {
    all.set(record, at);
    at += record.length;
  }
  all.set(body, at);
  return all;
}

function recordOf(id: number, keyBytes: Uint8Array, keys: number): Uint8Array {
  const head = [0xd4, 0x72, 0x40 + id, list16, keys >> 8, keys];
  const record = new Uint8Array(head.length + keyBytes.length + keys).fill(nil);
  record.set(head);
  record.set(keyBytes, head.length);
  return record;
}
