import { Readable } from 'node:stream';
import { BusError } from '../../base/errors.ts';

/** What stands in a value at `path` and cannot travel itself: a function, an async iterable or a `Readable`. */
export type Reference = readonly [
  path: readonly (string | number)[],
  what: 'function' | 'iterable' | 'readable',
  id: number,
];

const maxDepth = 64;

export type AnyFunction = (...args: readonly unknown[]) => unknown;

export interface Exporter {
  exportFunction(target: AnyFunction): number;
  exportStream(source: AsyncIterable<unknown>): number;
}

export interface Importer {
  importFunction(id: number): AnyFunction;
  importStream(id: number, what: 'iterable' | 'readable'): AsyncIterable<unknown>;
}

/** Replaces what cannot travel by null and says where it stood; a value without such parts is returned as it is. */
export function extract(value: unknown, exporter: Exporter, refs: Reference[]): unknown {
  return walk(value, [], exporter, refs);
}

/** Whether all of it can travel: the usual case, found out without allocating anything. */
export function travels(value: unknown, depth = 0): boolean {
  if (typeof value === 'function') return false;
  return typeof value !== 'object' || value === null || partsTravel(value, depth);
}

function partsTravel(value: object, depth: number): boolean {
  if (depth >= maxDepth) throw tooDeep();
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) if (!travels(value[index], depth + 1)) return false;
    return true;
  }
  if (ArrayBuffer.isView(value)) return true;
  if (!isPlain(value)) return !isAsyncIterable(value);
  for (const key in value) {
    const part = (value as Readonly<Record<string, unknown>>)[key];
    // Most are neither, and need no call to find out.
    if (typeof part === 'function') return false;
    if (typeof part === 'object' && part !== null && !partsTravel(part, depth + 1)) return false;
  }
  return true;
}

function walk(value: unknown, path: readonly (string | number)[], exporter: Exporter, refs: Reference[]): unknown {
  if (typeof value === 'function') {
    refs.push([path, 'function', exporter.exportFunction(value as AnyFunction)]);
    return null;
  }
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (path.length >= maxDepth) throw tooDeep();
  if (Array.isArray(value)) return walkArray(value, path, exporter, refs);
  if (isAsyncIterable(value)) {
    refs.push([path, value instanceof Readable ? 'readable' : 'iterable', exporter.exportStream(value)]);
    return null;
  }
  return isPlain(value) ? walkObject(value, path, exporter, refs) : value;
}

function walkArray(
  value: readonly unknown[],
  path: readonly (string | number)[],
  exporter: Exporter,
  refs: Reference[],
): unknown {
  let copy: unknown[] | undefined;
  for (let index = 0; index < value.length; index += 1) {
    const item = value[index];
    if (typeof item !== 'object' && typeof item !== 'function') continue;
    const replaced = walk(item, [...path, index], exporter, refs);
    if (replaced === item) continue;
    copy ??= [...value];
    copy[index] = replaced;
  }
  return copy ?? value;
}

function walkObject(value: object, path: readonly (string | number)[], exporter: Exporter, refs: Reference[]): unknown {
  let copy: Record<string, unknown> | undefined;
  for (const [key, item] of Object.entries(value)) {
    if (typeof item !== 'object' && typeof item !== 'function') continue;
    if (key === 'then' && typeof item === 'function') throw thenable();
    const replaced = walk(item, [...path, key], exporter, refs);
    if (replaced === item) continue;
    copy ??= { ...value };
    copy[key] = replaced;
  }
  return copy ?? value;
}

/**
 * Puts functions and streams back where they stood.
 * @throws BusError `ERR_PROTOCOL` for a reference that points nowhere.
 */
export function restore(value: unknown, refs: readonly Reference[] | undefined, importer: Importer): unknown {
  if (refs === undefined || refs === null) return value;
  if (!Array.isArray(refs)) throw misplaced();
  const holder = { value };
  for (const reference of refs as readonly unknown[]) {
    const [path, what, id] = checked(reference);
    let place: unknown = holder;
    let key: string | number = 'value';
    for (const step of path) {
      place = member(place, key);
      key = step;
    }
    if (member(place, key) !== null || key === 'then') throw misplaced();
    set(place, key, what === 'function' ? importer.importFunction(id) : importer.importStream(id, what));
  }
  return holder.value;
}

/** The valid ones of `refs`; the sender may be hostile. */
export function wellFormed(refs: unknown): Reference[] {
  if (!Array.isArray(refs)) return [];
  const found: Reference[] = [];
  for (const reference of refs as readonly unknown[]) {
    try {
      found.push(checked(reference));
    } catch {
      // It stands for nothing.
    }
  }
  return found;
}

/** The streams that `value` holds, each once. */
export function streamsIn(value: unknown): Set<AsyncIterable<unknown>> {
  const seen = new Set<unknown>();
  const streams = new Set<AsyncIterable<unknown>>();
  const look = (part: unknown, depth: number): void => {
    if (typeof part !== 'object' || part === null || ArrayBuffer.isView(part) || seen.has(part)) return;
    seen.add(part);
    if (isAsyncIterable(part)) streams.add(part);
    else if (depth < maxDepth && (Array.isArray(part) || isPlain(part))) {
      for (const item of Object.values(part)) look(item, depth + 1);
    }
  };
  look(value, 0);
  return streams;
}

function checked(reference: unknown): Reference {
  if (!Array.isArray(reference)) throw misplaced();
  const [path, what, id] = reference as readonly unknown[];
  const known = what === 'function' || what === 'iterable' || what === 'readable';
  if (!Array.isArray(path) || !known || typeof id !== 'number') throw misplaced();
  const steps: unknown[] = path;
  if (!steps.every((step): step is string | number => typeof step === 'string' || typeof step === 'number'))
    throw misplaced();
  return [steps, what, id];
}

function member(place: unknown, key: string | number): unknown {
  if (typeof place !== 'object' || place === null || !Object.hasOwn(place, key)) throw misplaced();
  return (place as Record<string | number, unknown>)[key];
}

function set(place: unknown, key: string | number, value: unknown): void {
  (place as Record<string | number, unknown>)[key] = value;
}

function tooDeep(): BusError {
  return new BusError('ERR_UNENCODABLE', `The data nests deeper than ${maxDepth} levels, or is circular`);
}

function thenable(): BusError {
  return new BusError(
    'ERR_UNENCODABLE',
    'A function named "then" cannot travel: the object with it would be a promise',
  );
}

function misplaced(): BusError {
  return new BusError('ERR_PROTOCOL', 'A reference has no target');
}

function isAsyncIterable(value: object): value is AsyncIterable<unknown> {
  return Symbol.asyncIterator in value && typeof value[Symbol.asyncIterator] === 'function';
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !isAsyncIterable(value);
}
