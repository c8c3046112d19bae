import { presence } from './writing.ts';
import type { Read } from './reading.ts';
import {
  elementCost,
  enumBytes,
  inOrder,
  measure,
  type NumberName,
  numberBytes,
  type Shape,
  type StructShape,
} from './shape.ts';
import { refuse } from './source.ts';

/** What reads a number at a place of the view `v`. */
const getters: Readonly<Record<NumberName, string>> = {
  u8: 'getUint8',
  u16: 'getUint16',
  u32: 'getUint32',
  i8: 'getInt8',
  i16: 'getInt16',
  i32: 'getInt32',
  f32: 'getFloat32',
  f64: 'getFloat64',
};

/** The function of the same name, as code for one shape alone. */
class ReadCode {
  readonly #lines: string[] = [];
  readonly #constants: unknown[] = [];
  #names = 0;
  /** The line that looks whether all bytes are there that are read by the next ones, and how many those are. */
  #look = -1;
  #ahead = 0;

  make(shape: Shape): Read {
    const value = this.#value(shape, 0);
    this.#goOn();
    const code = `'use strict';
return function read(s) {
const b = s.bytes, v = s.view, end = s.end;
let p = s.at;
${this.#lines.join('\n')}
s.at = p;
return ${value};
};`;
    // oxlint-disable-next-line typescript/no-implied-eval
    const make = new Function('c', 'refuse', code) as (constants: readonly unknown[], no: typeof refuse) => Read;
    return make(this.#constants, refuse);
  }

  #emit(line: string): void {
    this.#lines.push(line);
  }

  #name(): string {
    this.#names += 1;
    return `x${this.#names}`;
  }

  /** How far the next bytes are behind `p`. */
  #place(bytes: number): number {
    if (this.#look < 0) this.#look = this.#lines.push('') - 1;
    this.#ahead += bytes;
    return this.#ahead - bytes;
  }

  #goOn(): void {
    if (this.#look < 0) return;
    this.#lines[this.#look] = `if (end - p < ${this.#ahead}) refuse();`;
    this.#emit(`p += ${this.#ahead};`);
    this.#look = -1;
    this.#ahead = 0;
  }

  /** Adds the lines that read a value, and returns what it is called there. */
  #value(shape: Shape, depth: number): string {
    switch (shape.kind) {
      case 'number':
        return this.#constant(`v.${getters[shape.as]}(p + ${this.#place(numberBytes[shape.as])})`);
      case 'big': {
        const get = shape.as === 'u64' ? 'getBigUint64' : 'getBigInt64';
        return this.#constant(`v.${get}(p + ${this.#place(numberBytes.u64)})`);
      }
      case 'bool': {
        const byte = this.#constant(`b[p + ${this.#place(1)}]`);
        this.#emit(`if (${byte} > 1) refuse();`);
        return `${byte} === 1`;
      }
      case 'text':
        return this.#call('s.text(false)');
      case 'bytes':
        return this.#call('s.data()');
      case 'any':
        return this.#call(`s.any(${depth})`);
      case 'enum': {
        const values = this.#constants.push(shape.values) - 1;
        const bytes = enumBytes(shape.values);
        const at = this.#place(bytes);
        const place = this.#constant(bytes === 1 ? `b[p + ${at}]` : `v.getUint16(p + ${at})`);
        this.#emit(`if (${place} >= ${shape.values.length}) refuse();`);
        return `c[${values}][${place}]`;
      }
      case 'list':
        return this.#list(shape, depth);
      case 'map':
        return this.#map(shape, depth);
      case 'optional':
        return this.#optional(shape.of, depth).value;
      default:
        return this.#struct(shape, depth);
    }
  }

  #constant(expression: string): string {
    const name = this.#name();
    this.#emit(`const ${name} = ${expression};`);
    return name;
  }

  /** What `s` reads by itself. */
  #call(expression: string): string {
    this.#goOn();
    this.#emit('s.at = p;');
    const name = this.#constant(expression);
    this.#emit('p = s.at;');
    return name;
  }

  #list(shape: Shape & { readonly of: Shape }, depth: number): string {
    const elements = this.#name();
    const count = this.#call(`s.elements(${measure(shape.of).least}, ${elementCost(shape)})`);
    this.#emit(`const ${elements} = [];`);
    this.#loop(count, () => `${elements}.push(${this.#value(shape.of, depth + 1)});`);
    return elements;
  }

  #map(shape: Shape & { readonly of: Shape }, depth: number): string {
    const entries = this.#name();
    const count = this.#call(`s.entries(${measure(shape.of).least}, ${elementCost(shape)})`);
    this.#emit(`const ${entries} = {};`);
    this.#loop(count, () => {
      const key = this.#call('s.text(true)');
      const value = this.#value(shape.of, depth + 1);
      return `if (${key} !== '__proto__') ${entries}[${key}] = ${value};`;
    });
    return entries;
  }

  #loop(count: string, body: () => string): void {
    const index = this.#name();
    this.#emit(`for (let ${index} = 0; ${index} < ${count}; ${index}++) {`);
    const last = body();
    this.#goOn();
    this.#emit(last);
    this.#emit('}');
  }

  #optional(of: Shape, depth: number): { readonly mark: string; readonly value: string } {
    this.#goOn();
    const value = this.#name();
    const mark = this.#constant(`b[p + ${this.#place(1)}]`);
    this.#goOn();
    this.#emit(`if (${mark} > ${presence.undefined}) refuse();`);
    this.#emit(`let ${value};`);
    this.#emit(`if (${mark} === ${presence.there}) {`);
    const found = this.#value(of, depth);
    this.#goOn();
    this.#emit(`${value} = ${found};`);
    this.#emit('}');
    return { mark, value };
  }

  #struct(shape: StructShape, depth: number): string {
    const values = new Map<string, string>();
    const optional: string[] = [];
    const result = this.#name();
    if (shape.members.length === 0) this.#emit(`if (b[p + ${this.#place(1)}] !== 0) refuse();`);
    for (const { name, shape: own } of inOrder(shape)) {
      if (own.kind === 'optional') {
        const { mark, value } = this.#optional(own.of, depth + 1);
        const member = `${result}[${JSON.stringify(name)}]`;
        optional.push(`if (${mark} !== ${presence.absent}) ${member} = ${value};`);
      } else {
        values.set(name, this.#value(own, depth + 1));
      }
    }
    const members = shape.members.filter(({ name }) => values.has(name));
    const literal = members.map(({ name }) => `${JSON.stringify(name)}: ${values.get(name)}`).join(', ');
    this.#emit(`const ${result} = { ${literal} };`);
    for (const line of optional) this.#emit(line);
    return result;
  }
}

export function readCode(shape: Shape): Read {
  return new ReadCode().make(shape);
}
