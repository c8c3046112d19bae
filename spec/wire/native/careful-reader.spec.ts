import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BodyPacker, BodyReader } from '../../../lib/wire/native/body-codec.ts';

/** With it in a body the careful reader reads, without it msgpackr. */
const word = '__proto__';

const anything = fc.anything({
  withDate: true,
  withSet: true,
  withTypedArray: true,
  // chai compares by what objects say of themselves.
  key: fc.string().filter((key) => key !== 'toJSON' && !(key in {})),
  values: [
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.constantFrom(new Error('text', { cause: 'cause' }), new RangeError('range'), /a.b/gi, Buffer.from('buffer')),
    fc.bigInt(),
    fc.string({ minLength: 200, maxLength: 3_000 }),
  ],
});

function body(packer: BodyPacker, data: unknown): Buffer {
  const { buffer, start, end } = packer.pack(data, Buffer.alloc(8_192), 16, 9);
  return Buffer.from(buffer.slice(start, end));
}

function read(reader: BodyReader, bytes: Buffer): unknown {
  const padded = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(3, 0xff)]);
  return reader.read(padded, 3, 3 + bytes.length);
}

describe('careful reader', () => {
  for (const records of [false, true]) {
    it(`reads what msgpackr reads, as msgpackr reads it, in any order - ${records ? 'records' : 'plain'}`, () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(anything, fc.boolean()), { minLength: 2 }), (messages) => {
          const one = {
            packer: new BodyPacker(records ? { keys: 0, bytes: 0 } : undefined),
            reader: new BodyReader(records ? { keys: 0, bytes: 0 } : undefined),
          };
          const other = {
            packer: new BodyPacker(records ? { keys: 0, bytes: 0 } : undefined),
            reader: new BodyReader(records ? { keys: 0, bytes: 0 } : undefined),
          };
          for (const [value, careful] of messages) {
            const seen = read(one.reader, body(one.packer, [value, careful ? word : 'x']));
            const should = read(other.reader, body(other.packer, [value, 'x']));
            expect((seen as unknown[])[0]).to.deep.equal((should as unknown[])[0]);
          }
        }),
        { numRuns: 500 },
      );
    });
  }

  it('a shape that has the key - is read without it, also where only its number is named', () => {
    const packer = new BodyPacker({ keys: 0, bytes: 0 });
    const reader = new BodyReader({ keys: 0, bytes: 0 });
    const hostile = (at: number): unknown => JSON.parse(`{"at":${at},"__proto__":{"admin":true},"__proto_":3}`);
    for (let at = 0; at < 20; at++) {
      expect(read(reader, body(packer, hostile(at)))).to.deep.equal({ at, __proto_: 3 });
      expect(read(reader, body(packer, { other: at }))).to.deep.equal({ other: at });
    }
  });

  it('what is cut or followed by more - is ERR_PROTOCOL', () => {
    const bytes = body(new BodyPacker(), { a: word, b: [1, new Date(5), 'text'] });
    for (let size = 0; size < bytes.length; size++) {
      if (!bytes.subarray(0, size).includes(word)) continue;
      expect(() => read(new BodyReader(), bytes.subarray(0, size)))
        .to.throw()
        .with.property('code', 'ERR_PROTOCOL');
    }
    const longer = Buffer.concat([bytes, bytes]);
    expect(() => read(new BodyReader(), longer))
      .to.throw()
      .with.property('code', 'ERR_PROTOCOL');
  });
});
