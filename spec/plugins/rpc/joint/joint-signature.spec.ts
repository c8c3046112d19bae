import { expect } from 'chai';
import { describe, it } from 'mocha';
import { JointSignature } from '../../../../lib/plugins/rpc/joint/joint-signature.ts';
import { hex, toHex } from '../../channels/joint/vectors.ts';

const signature = new JointSignature([
  ['test'],
  ['message', 'string', 'bool'],
  ['numbers', 'byte', 'uint16', 'int16', 'int32', 'int', 'float', 'double'],
  ['complex', 'bytes', 'vector<array<int>>'],
  ['lists', 'list<int>'],
  ['maps', 'map<int, map<string, array<int>>>'],
  ['any', 'struct', 'dynamic'],
]);

const vectors: readonly (readonly [name: string, args: readonly unknown[], bytes: string])[] = [
  ['test', [], '00 00'],
  ['message', ['hällo', true], '00 01 06 68c3a46c6c6f 01'],
  ['numbers', [255, 65_535, -2, -3, 4, 1.5, 0.1], '00 02 ff ffff feff fdffffff 04000000 0000c03f 9a9999999999b93f'],
  ['complex', [hex('c0ffee'), [[1, 2], []]], '00 03 03 c0ffee 02 02 01000000 02000000 00'],
  ['lists', [[7, 8]], '00 04 02 07000000 08000000'],
  ['maps', [new Map([[5, new Map([['a', [1]]])]])], '00 05 01 05000000 01 01 61 01 01000000'],
];

describe('joint signature', () => {
  for (const [name, args, bytes] of vectors) {
    it(`vector - ${name} is written and read`, () => {
      expect(toHex(signature.write(0, name, args))).to.equal(toHex(hex(bytes)));
      const read = signature.read(hex(bytes).subarray(1));
      expect(read.name).to.equal(name);
      expect(read.args.map((arg) => (arg instanceof Uint8Array ? toHex(arg) : arg))).to.deep.equal(
        args.map((arg) => (arg instanceof Uint8Array ? toHex(arg) : arg)),
      );
    });

    it(`cut - ${name} that ends early, or goes on, is refused`, () => {
      const whole = hex(bytes).subarray(1);
      for (let end = 0; end < whole.length; end += 1) {
        expect(() => signature.read(whole.subarray(0, end)))
          .to.throw()
          .with.property('code', 'ERR_PROTOCOL');
      }
      expect(() => signature.read(Buffer.concat([whole, Buffer.of(0)])))
        .to.throw()
        .with.property('code', 'ERR_PROTOCOL');
    });
  }

  it('structs - travel as MessagePack', () => {
    const value = { name: 'x', list: [1, null], nested: { yes: true } };
    const bytes = signature.write(0, 'any', [value, 'text']);
    expect(signature.read(bytes.subarray(1)).args).to.deep.equal([value, 'text']);
  });

  it('structs - a key __proto__ is dropped, and shared memory is refused', () => {
    const hostile: unknown = JSON.parse('{"__proto_":1,"__proto__":{"admin":true},"a":{"__proto__":2}}');
    const bytes = signature.write(0, 'any', [hostile, 'text']);
    expect(signature.read(bytes.subarray(1)).args).to.deep.equal([{ __proto_: 1, a: {} }, 'text']);
    expect(() => signature.write(0, 'any', [[new SharedArrayBuffer(1)], 'text']))
      .to.throw()
      .with.property('code', 'ERR_UNENCODABLE');
  });

  it('null collections - arrive empty, as joint peers send them', () => {
    expect(toHex(signature.write(2, 'lists', [null]))).to.equal('020400');
    expect(toHex(signature.write(2, 'maps', [null]))).to.equal('020500');
    expect(toHex(signature.write(2, 'maps', [{ 5: { a: [1] } }]))).to.equal('0205010500000001016101' + '01000000');
  });

  it('wrong values - are refused by name when written', () => {
    const wrong: readonly (readonly [string, readonly unknown[]])[] = [
      ['message', [null, true]],
      ['message', ['a', 1]],
      ['message', ['a']],
      ['numbers', [256, 0, 0, 0, 0, 0, 0]],
      ['numbers', ['1', 0, 0, 0, 0, 0, 0]],
      ['complex', ['text', []]],
      ['complex', [hex('00'), [5]]],
      ['lists', [{}]],
      ['maps', [5]],
      ['maps', [{ text: {} }]],
    ];
    for (const [name, args] of wrong) {
      expect(() => signature.write(0, name, args), `${name} ${JSON.stringify(args)}`)
        .to.throw()
        .with.property('code', 'ERR_INVALID_ARGUMENT');
    }
    expect(() => signature.write(0, 'nothing', []))
      .to.throw()
      .with.property('code', 'ERR_NO_METHOD');
  });

  it('hostile bytes - an unknown procedure and a count that cannot be true are refused', () => {
    for (const bytes of ['63 01', '04 ff ff ff ff', '05 ff ff ff 7f', '03 00 ff ff ff ff']) {
      expect(() => signature.read(hex(bytes)))
        .to.throw()
        .with.property('code', 'ERR_PROTOCOL');
    }
  });

  it('types - unknown ones are refused', () => {
    for (const type of ['number', 'array', 'array<>', 'map<bool, int>', 'map<int>', 'int>', '']) {
      expect(() => new JointSignature([['call', type]]), type)
        .to.throw()
        .with.property('code', 'ERR_INVALID_ARGUMENT');
    }
    expect(() => new JointSignature(Array.from({ length: 257 }, (_, index) => [`p${index}`] as const)))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
  });
});
