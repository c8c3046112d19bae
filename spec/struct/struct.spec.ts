import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { expectTypeOf } from 'expect-type';
import { describe, it } from 'mocha';
import type { BusError } from '../../lib/base/errors.ts';
import { Client, type Contract } from '../../lib/index.ts';
import {
  any,
  bool,
  bytes,
  enumOf,
  f64,
  type Field,
  type Infer,
  list,
  map,
  optional,
  struct,
  type Struct,
  text,
  u32,
  u64,
} from '../../lib/struct/index.ts';
import { root } from '../support/repository.ts';
import { codecsOf, decode, encode } from './shapes.ts';

const Move = struct('move', {
  player: u32,
  big: u64,
  team: enumOf('red', 'blue'),
  crouched: bool,
  icon: bytes,
  names: list(text),
  scores: map(optional(f64)),
  at: struct('at', { x: f64, y: optional(f64) }),
  owner: optional(text),
  more: any,
});

interface MoveType {
  player: number;
  big: bigint;
  team: 'red' | 'blue';
  crouched: boolean;
  icon: Uint8Array;
  names: string[];
  scores: Record<string, number | undefined>;
  at: { x: number; y?: number | undefined };
  owner?: string | undefined;
  more: unknown;
}

interface Game extends Contract {
  readonly toServer: { readonly message: MoveType; readonly request: MoveType; readonly response: number };
}

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return (error as BusError).code;
  }
}

describe('struct', () => {
  it('types - are those of the fields, and values made by `of` can be sent where they are expected', () => {
    expectTypeOf<Infer<typeof Move>>().toEqualTypeOf<MoveType>();
    expectTypeOf<Infer<typeof u64>>().toEqualTypeOf<bigint>();
    const send = (client: Client<Game>, move: MoveType): unknown => [
      client.send(move),
      client.send(Move.of(move)),
      client.request(Move.of(move)),
      // @ts-expect-error a struct of other values
      client.send(struct('other', { a: u32 }).of({ a: 1 })),
    ];
    expect(send).to.be.a('function');
    // @ts-expect-error a field of another type
    Move.of({ player: '1' });
  });

  it('values - are kept as they were given, and written as such inside of other data', () => {
    const value = { a: 1 };
    const of = struct('one', { a: u32 });
    const made = of.of(value);
    expect([made.value, made.struct]).to.deep.equal([value, of]);
    expect(made.value).to.equal(value);
    expect(JSON.stringify({ in: [made] })).to.equal('{"in":[{"a":1}]}');
  });

  it('names and fields - that are none, too many or too deep are ERR_INVALID_ARGUMENT', () => {
    const nested = (levels: number): Field<unknown> => (levels === 0 ? u32 : list(nested(levels - 1)));
    const many = struct('many', Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`f${at}`, u32])));
    const good = [
      () => struct('x', {}),
      () => struct('x'.repeat(256), { a: nested(31) }),
      () => struct('x', Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`s${at}`, many]))),
      () => enumOf(...Array.from({ length: 65_536 }, (_, at) => String(at))),
    ];
    const bad = [
      () => struct('', {}),
      () => struct('x'.repeat(257), {}),
      () => struct(5 as never, {}),
      () => struct('x', null as never),
      () => struct('x', { a: 5 as never }),
      () => struct('x', { a: undefined as never }),
      () => struct('x', JSON.parse('{"__proto__":{}}') as never),
      () => struct('x', { a: nested(32) }),
      () => struct('x', Object.fromEntries(Array.from({ length: 41 }, (_, at) => [`s${at}`, many]))),
      () => list(null as never),
      () => enumOf(),
      () => enumOf('a', 'a'),
      () => enumOf(1 as never),
      () => enumOf(...Array.from({ length: 65_537 }, (_, at) => String(at))),
    ];
    expect(good.map(codeOf)).to.deep.equal(good.map(() => 'none'));
    expect(bad.map(codeOf)).to.deep.equal(bad.map(() => 'ERR_INVALID_ARGUMENT'));
  });

  it('hashes - are equal for equal names and fields in any order, and for no others', () => {
    const hash = (of: { readonly codec: { readonly hash: string } }): string => of.codec.hash;
    const first = struct('a', { x: u32, y: list(text) });
    expect(hash(first)).to.match(/^[0-9a-f]{16}$/);
    expect(hash(struct('a', { y: list(text), x: u32 }))).to.equal(hash(first));
    const others = [
      struct('b', { x: u32, y: list(text) }),
      struct('a', { x: f64, y: list(text) }),
      struct('a', { x: u32, y: map(text) }),
      struct('a', { x: u32, y: optional(text) }),
      struct('a', { x: u32 }),
      struct('a', { x: u32, y: list(text), z: u32 }),
      struct('a', { x: u32, z: list(text) }),
      struct('a', { 'x":u32,"y': list(text) }),
    ];
    expect(new Set([first, ...others].map(hash)).size).to.equal(others.length + 1);
  });

  it('bytes - arrive as the class they were, in memory of their own', () => {
    for (const codec of codecsOf(struct('b', { a: bytes }) as Struct<unknown>)) {
      for (const a of [Buffer.from('abc'), Uint8Array.of(1, 2, 3), Buffer.alloc(100_000, 5)]) {
        const read = decode(codec, encode(codec, { a }) as Buffer) as { readonly a: Uint8Array };
        expect(read.a).to.deep.equal(a);
        expect(Buffer.isBuffer(read.a)).to.equal(Buffer.isBuffer(a));
      }
      for (const a of [new Uint16Array(1), new ArrayBuffer(1), new (class extends Uint8Array {})(1), 'a', [1]]) {
        expect(encode(codec, { a })).to.equal(undefined);
      }
    }
  });

  it('texts - of every length and width are written; lone surrogates do not fit', () => {
    for (const codec of codecsOf(struct('t', { a: text, m: map(bool) }) as Struct<unknown>)) {
      for (const letter of ['a', 'ü', '€', '😀', '\0', '\ufeff']) {
        for (const length of [0, 1, 3, 4, 5, 15, 16, 17, 42, 43, 63, 64, 127, 128, 5_000, 30_000]) {
          const a = letter.repeat(length);
          const value = { a, m: { [a]: true } };
          expect(decode(codec, encode(codec, value) as Buffer)).to.deep.equal(value);
        }
      }
      for (const a of ['\ud800', 'a\udc00b', `${'x'.repeat(100)}\ud800`, '\udc00\ud800']) {
        expect(encode(codec, { a, m: {} })).to.equal(undefined);
        expect(encode(codec, { a: '', m: { [a]: true } })).to.equal(undefined);
      }
    }
  });

  it('contracts where code may not be generated - work all the same', () => {
    const lib = pathToFileURL(join(root, 'build/lib')).href;
    const code = `
      const { Client, Server } = await import('${lib}/index.js');
      const { struct, u32, text } = await import('${lib}/struct/index.js');
      try { new Function('return 1'); throw new Error('code may be generated'); } catch (error) { if (!(error instanceof EvalError)) throw error; }
      const One = struct('one', { a: u32, b: text });
      const server = new Server({ url: 'memory:strict', contracts: [One], trusted: false });
      server.handle((request) => One.of({ ...request, a: request.a + 1 }));
      await server.start();
      const client = await new Client({ url: 'memory:strict', contracts: [One], trusted: false }).connect();
      const answer = await client.request(One.of({ a: 1, b: 'ü' }));
      console.log(JSON.stringify([answer, client.contractFallbacks]));
      await client.close();
      await server.close();`;
    const args = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', code];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
    expect([stdout, stderr]).to.deep.equal(['[{"a":2,"b":"ü"},0]\n', '']);
  });
});
