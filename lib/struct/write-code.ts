import { cost, manyKeys } from '../wire/codec/body-cost.ts';
import { full } from './scratch.ts';
import {
  elementCost,
  enumBytes,
  inOrder,
  type NumberName,
  numberBytes,
  type Shape,
  type StructShape,
} from './shape.ts';
import { presence, type Write } from './writing.ts';

/** When a number `x` does not fit its kind. */
const misfits: Readonly<Record<NumberName, string>> = {
  u8: ' || (x & 255) !== x',
  u16: ' || (x & 65535) !== x',
  u32: ' || (x >>> 0) !== x',
  i8: ' || ((x << 24) >> 24) !== x',
  i16: ' || ((x << 16) >> 16) !== x',
  i32: ' || (x | 0) !== x',
  f32: ' || (Math.fround(x) !== x && x === x)',
  f64: '',
};
const setters: Readonly<Record<NumberName, string>> = {
  u8: 'setUint8',
  u16: 'setUint16',
  u32: 'setUint32',
  i8: 'setInt8',
  i16: 'setInt16',
  i32: 'setInt32',
  f32: 'setFloat32',
  f64: 'setFloat64',
};

/** Up to this many texts are compared one by one; more are looked up. */
const fewChoices = 6;

/** The function of the same name, as code for one shape alone. */
class WriteCode {
  readonly #lines: string[] = [];
  readonly #constants: unknown[] = [];
  #names = 0;
  /** Bytes behind `p` that are written, or are to be by the next lines. */
  #ahead = 0;

  make(shape: Shape): Write {
    this.#value(shape, 'x', 0);
    this.#goOn();
    const code = `'use strict';
const { getPrototypeOf, prototype, hasOwn, keys } = Object;
const { isArray } = Array;
const { asIntN, asUintN } = BigInt;
return function write(x, s, p) {
const b = s.buffer, v = s.view;
${this.#lines.join('\n')}
return p;
};`;
    // oxlint-disable-next-line typescript/no-implied-eval
    const make = new Function('c', 'full', code) as (constants: readonly unknown[], noRoom: Error) => Write;
    return make(this.#constants, full);
  }

  #emit(line: string): void {
    this.#lines.push(line);
  }

  #name(letter: string): string {
    this.#names += 1;
    return `${letter}${this.#names}`;
  }

  /** Where the next bytes belong. */
  #place(bytes: number): string {
    const place = `p + ${this.#ahead}`;
    this.#ahead += bytes;
    return place;
  }

  #goOn(): void {
    if (this.#ahead > 0) this.#emit(`p += ${this.#ahead};`);
    this.#ahead = 0;
  }

  #value(shape: Shape, x: string, depth: number): void {
    switch (shape.kind) {
      case 'number':
        this.#emit(`if (typeof ${x} !== 'number'${misfits[shape.as].replaceAll('x', x)}) return -1;`);
        this.#emit(`v.${setters[shape.as]}(${this.#place(numberBytes[shape.as])}, ${x});`);
        return;
      case 'big': {
        const wrap = shape.as === 'u64' ? 'asUintN' : 'asIntN';
        this.#emit(`if (typeof ${x} !== 'bigint' || ${wrap}(64, ${x}) !== ${x}) return -1;`);
        this.#emit(`v.setBigInt64(${this.#place(numberBytes.u64)}, asIntN(64, ${x}));`);
        return;
      }
      case 'bool':
        this.#emit(`if (typeof ${x} !== 'boolean') return -1;`);
        this.#emit(`b[${this.#place(1)}] = ${x} ? 1 : 0;`);
        return;
      case 'text':
        this.#call(`typeof ${x} === 'string' ? s.text(p, ${x}, false) : -1`);
        return;
      case 'bytes':
        this.#call(`s.bytes(p, ${x})`);
        return;
      case 'any':
        this.#call(`s.any(p, ${x}, ${depth})`);
        return;
      case 'enum':
        this.#choice(shape.values, x);
        return;
      case 'list':
        this.#list(shape, x, depth);
        return;
      case 'map':
        this.#map(shape, x, depth);
        return;
      case 'optional':
        this.#goOn();
        this.#emit(`if (${x} === undefined) b[p++] = ${presence.undefined};`);
        this.#emit(`else { b[p++] = ${presence.there};`);
        this.#value(shape.of, x, depth);
        this.#goOn();
        this.#emit('}');
        return;
      default:
        this.#struct(shape, x, depth);
    }
  }

  /** What writes for itself. */
  #call(expression: string): void {
    this.#goOn();
    this.#emit(`p = ${expression};`);
    this.#emit('if (p < 0) return -1;');
  }

  #choice(values: readonly string[], x: string): void {
    const place = this.#name('e');
    if (values.length <= fewChoices) {
      const compared = values.map((value, index) => `${x} === ${JSON.stringify(value)} ? ${index} : `).join('');
      this.#emit(`const ${place} = ${compared}-1;`);
      this.#emit(`if (${place} < 0) return -1;`);
    } else {
      const places = this.#constants.push(new Map(values.map((value, index) => [value, index]))) - 1;
      this.#emit(`const ${place} = c[${places}].get(${x});`);
      this.#emit(`if (${place} === undefined) return -1;`);
    }
    const bytes = enumBytes(values);
    if (bytes === 1) this.#emit(`b[${this.#place(1)}] = ${place};`);
    else this.#emit(`v.setUint16(${this.#place(2)}, ${place});`);
  }

  #list(shape: Shape & { readonly of: Shape }, x: string, depth: number): void {
    const [length, index, element] = [this.#name('n'), this.#name('i'), this.#name('x')];
    this.#emit(`if (!isArray(${x})) return -1;`);
    this.#goOn();
    this.#emit(`const ${length} = ${x}.length;`);
    this.#emit(`s.cost += ${length} * ${elementCost(shape)};`);
    this.#emit(`p = s.count(p, ${length});`);
    this.#emit(`for (let ${index} = 0; ${index} < ${length}; ${index}++) {`);
    this.#emit(`if (p > s.limit) throw full;`);
    this.#emit(`const ${element} = ${x}[${index}];`);
    this.#value(shape.of, element, depth + 1);
    this.#goOn();
    this.#emit('}');
  }

  #map(shape: Shape & { readonly of: Shape }, x: string, depth: number): void {
    const [names, length, index, element] = [this.#name('k'), this.#name('n'), this.#name('i'), this.#name('x')];
    const each = elementCost(shape);
    this.#plain(x);
    this.#goOn();
    this.#emit(`const ${names} = keys(${x}), ${length} = ${names}.length;`);
    this.#emit(`s.cost += ${length} * (${length} > ${manyKeys} ? ${each + cost.key} : ${each});`);
    this.#emit(`p = s.count(p, ${length});`);
    this.#emit(`for (let ${index} = 0; ${index} < ${length}; ${index}++) {`);
    this.#emit(`if (${names}[${index}] === '__proto__') return -1;`);
    this.#emit(`if (p > s.limit) throw full;`);
    this.#call(`s.text(p, ${names}[${index}], true)`);
    this.#emit(`const ${element} = ${x}[${names}[${index}]];`);
    this.#value(shape.of, element, depth + 1);
    this.#goOn();
    this.#emit('}');
  }

  #plain(x: string): void {
    const parent = this.#name('g');
    this.#emit(`if (typeof ${x} !== 'object' || ${x} === null) return -1;`);
    this.#emit(`const ${parent} = getPrototypeOf(${x});`);
    this.#emit(`if (${parent} !== prototype && ${parent} !== null) return -1;`);
  }

  #struct(shape: StructShape, x: string, depth: number): void {
    const [present, key] = [this.#name('n'), this.#name('k')];
    const members = inOrder(shape);
    this.#plain(x);
    // What it has besides would be lost.
    this.#emit(`let ${present} = 0; for (const ${key} in ${x}) ${present}++;`);
    if (members.length === 0) this.#emit(`b[${this.#place(1)}] = 0;`);
    for (const { name, shape: own } of members) {
      const value = this.#name('x');
      const quoted = JSON.stringify(name);
      // What every object has by birth is none of its own.
      const read =
        name in Object.prototype ? `hasOwn(${x}, ${quoted}) ? ${x}[${quoted}] : undefined` : `${x}[${quoted}]`;
      this.#emit(`const ${value} = ${read};`);
      if (own.kind === 'optional') {
        this.#goOn();
        this.#emit(`if (${value} === undefined) {`);
        this.#emit(`if (hasOwn(${x}, ${quoted})) b[p++] = ${presence.undefined};`);
        this.#emit(`else { b[p++] = ${presence.absent}; ${present}++; }`);
        this.#emit(`} else { b[p++] = ${presence.there};`);
        this.#value(own.of, value, depth + 1);
        this.#goOn();
        this.#emit('}');
        continue;
      }
      if (own.kind === 'any') this.#emit(`if (${value} === undefined && !hasOwn(${x}, ${quoted})) return -1;`);
      this.#value(own, value, depth + 1);
    }
    this.#emit(`if (${present} !== ${members.length}) return -1;`);
  }
}

export function writeCode(shape: Shape): Write {
  return new WriteCode().make(shape);
}
