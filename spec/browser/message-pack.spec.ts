import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BodyPacker, BodyReader, packPlain } from '../../lib/browser/body-codec.ts';
import * as native from '../../lib/wire/native/body-codec.ts';

interface Packer {
  pack(data: unknown, slab: Uint8Array, at: number, headroom: number): native.Packed;
}

function pack(packer: Packer, data: unknown, room = 8192, headroom = 9): Uint8Array {
  const { buffer, start, end } = packer.pack(data, Buffer.alloc(room), 16, headroom);
  expect(start).to.be.at.least(headroom);
  return buffer.slice(start, end);
}

function read(reader: { read(bytes: Uint8Array, start: number, end: number): unknown }, bytes: Uint8Array): unknown {
  const padded = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(3, 0xff)]);
  return reader.read(padded, 3, 3 + bytes.length);
}

/** As both read it: a Buffer is its bytes, as there is none in a page, and msgpackr packs -0 as 0. */
function plain(value: unknown): unknown {
  if (value === 0) return 0;
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if (ArrayBuffer.isView(value)) return { [value.constructor.name]: Buffer.from(value.buffer).toString('hex') };
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Set) return { set: [...value].map(plain) };
  if (value instanceof RegExp) return String(value);
  if (value instanceof Error) return { error: [value.name, value.message, plain(value.cause)] };
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof ArrayBuffer)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

const anything = fc.anything({
  withBigInt: false,
  withDate: true,
  withSet: true,
  withTypedArray: true,
  withNullPrototype: false,
  withSparseArray: false,
  key: fc.string().filter((key) => key !== 'toJSON'),
  values: [
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.array(fc.tuple(fc.string(), fc.integer())).map((entries) => new Map(entries)),
    fc.uint8Array({ maxLength: 400 }),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
    fc.bigInt(),
    fc.constantFrom(
      new Error('text', { cause: 'cause' }),
      new RangeError('range'),
      /a.b/gi,
      new DataView(new ArrayBuffer(3)),
    ),
    fc.date({ min: new Date(-1e15), max: new Date(1e15) }),
    fc.string({ minLength: 200, maxLength: 70_000 }),
  ],
});

describe('message pack of pages', () => {
  it('reads - what msgpackr packs, as msgpackr reads it', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const bytes = pack(new native.BodyPacker(), value);
        expect(plain(read(new BodyReader(), bytes))).to.deep.equal(plain(read(new native.BodyReader(), bytes)));
      }),
      { numRuns: 2000 },
    );
  });

  it('packs - so that msgpackr reads what it would of its own', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const own = pack(new native.BodyPacker(), value);
        const bytes = pack(new BodyPacker(), value);
        const reader = new native.BodyReader();
        expect(plain(read(reader, bytes))).to.deep.equal(plain(read(reader, own)));
      }),
      { numRuns: 2000 },
    );
  });

  const edges: [what: string, hex: string, value: unknown][] = [
    ['-0', 'cb8000000000000000', -0],
    ['-33', 'd0df', -33],
    ['127', '7f', 127],
    ['128', 'cc80', 128],
    ['2^32 - 1', 'ceffffffff', 2 ** 32 - 1],
    ['2^32', 'cb41f0000000000000', 2 ** 32],
    ['-2^31', 'd280000000', -(2 ** 31)],
    ['a bigint', 'd3ffffffffffffffff', -1n],
    ['a large bigint', 'cfffffffffffffffff', 2n ** 64n - 1n],
    ['undefined', 'd40000', undefined],
    ['a larger bigint', 'c70942010000000000000000', 2n ** 64n],
    ['a set', 'd473009101', new Set([1])],
    ['floats', 'c70574070000803f', new Float32Array([1])],
    ['a time', 'd6ff00000001', new Date(1000)],
  ];
  for (const [what, hex, value] of edges) {
    it(`vectors - ${what} is ${hex}`, () => {
      expect(Buffer.from(pack(new BodyPacker(), value)).toString('hex')).to.equal(hex);
      expect(read(new BodyReader(), Buffer.from(hex, 'hex'))).to.deep.equal(value);
    });
  }

  it('room - a body that outgrows the slab moves, with its headroom', () => {
    for (const room of [32, 40, 100, 5000]) {
      const value = { text: 'x'.repeat(20_000), list: Array.from({ length: 100 }, (_, n) => n) };
      expect(read(new BodyReader(), pack(new BodyPacker(), value, room))).to.deep.equal(value);
    }
  });

  it('names - "__proto__" changes no prototype', () => {
    const bytes = pack(new BodyPacker(), JSON.parse('{"__proto__":{"evil":true}}'));
    const value = read(new BodyReader(), bytes) as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).to.equal(Object.prototype);
    expect(value.evil).to.equal(undefined);
  });

  it('refusals - what has no encoding is ERR_UNENCODABLE, and the next body is packed as ever', () => {
    const packer = new BodyPacker();
    const circular: unknown[] = [];
    circular.push(circular);
    for (const value of [Symbol('x'), circular, [{ deep: Symbol('y') }]]) {
      expect(() => pack(packer, value))
        .to.throw()
        .with.property('code', 'ERR_UNENCODABLE');
      expect(read(new BodyReader(), pack(packer, [1, 'two']))).to.deep.equal([1, 'two']);
    }
  });

  it('refusals - bytes that are no value, cut at every place, or more than one are ERR_PROTOCOL', () => {
    const bytes = pack(new BodyPacker(), { a: [1, 300, 'text', new Date(5), new Uint8Array(3)], b: { c: 1.5 } });
    for (let end = 0; end < bytes.length; end++) {
      expect(() => read(new BodyReader(), bytes.subarray(0, end)), `cut at ${end}`)
        .to.throw()
        .with.property('code', 'ERR_PROTOCOL');
    }
    for (const hex of ['c1', '0101', 'ddffffffff', 'dfffffffff00', 'c6ffffffff', 'd47200', 'c70142', 'dbffffffff']) {
      expect(() => read(new BodyReader(), Buffer.from(hex, 'hex')), hex)
        .to.throw()
        .with.property('code', 'ERR_PROTOCOL');
    }
  });

  it('refusals - a key that is a list, a map, a date or a set is ERR_PROTOCOL, as in Node, beside a key __proto__ too', () => {
    for (const key of ['9161', '81a16101', 'd6ff00000001', 'd4739101']) {
      for (const hex of [`81${key}01`, `82a95f5f70726f746f5f5f01${key}01`]) {
        for (const Class of [BodyReader, native.BodyReader]) {
          expect(() => read(new Class(), Buffer.from(hex, 'hex')), hex)
            .to.throw()
            .with.property('code', 'ERR_PROTOCOL');
        }
      }
    }
  });

  it('fuzz - no bytes bring the reader to anything but a value or ERR_PROTOCOL', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          read(new BodyReader(), bytes);
        } catch (error) {
          expect(error).to.have.property('code', 'ERR_PROTOCOL');
        }
      }),
      { numRuns: 5000 },
    );
  });

  it('a key __proto__ is dropped, shared memory is refused, and a text keeps its first mark', () => {
    const hostile: unknown = JSON.parse('{"__proto_":1,"__proto__":{"admin":true},"a":[{"__proto__":2}]}');
    for (const packer of [new BodyPacker(), new native.BodyPacker()]) {
      expect(read(new BodyReader(), pack(packer, hostile))).to.deep.equal({ __proto_: 1, a: [{}] });
      expect(read(new BodyReader(), pack(packer, '\ufeffa'))).to.equal('\ufeffa');
      for (const data of [new SharedArrayBuffer(1), { a: [new SharedArrayBuffer(1)] }]) {
        expect(() => pack(packer, data)).to.throw('SharedArrayBuffer');
      }
    }
    expect(() => packPlain([new SharedArrayBuffer(1)])).to.throw('SharedArrayBuffer');
    const plain = packPlain(hostile);
    expect(new BodyReader().read(plain, 0, plain.length)).to.deep.equal({ __proto_: 1, a: [{}] });
  });

  it('plain MessagePack, for joint peers - is written with the same bytes, those of sets and binary data too', () => {
    const values = [
      { text: 'grün', list: [1, -2, 3.5, null, true], at: new Date(5_000), nested: { names: new Map([['a', 1]]) } },
      { bytes: new Uint8Array([1, 2]), more: new Uint8Array(300), buffer: new ArrayBuffer(3) },
      [new Set([1, new Set(['x'])])],
    ];
    for (const value of values) {
      const bytes = packPlain(value);
      expect(Buffer.from(bytes).toString('hex')).to.equal(Buffer.from(native.packPlain(value)).toString('hex'));
    }
    const mixed = { bytes: new Uint8Array([1, 2]), at: new Date(5) };
    for (const bytes of [packPlain(mixed), native.packPlain(mixed)]) {
      expect(new BodyReader().read(bytes, 0, bytes.length)).to.deep.equal(mixed);
    }
  });
});
