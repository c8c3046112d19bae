import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { readTag, tagWidth, writeTag } from '../../../lib/wire/net-ipc/packet.ts';

const vectors: [number, string][] = [
  [0, '80'],
  [1, '81'],
  [127, 'ff'],
  [128, '0180'],
  [300, '02ac'],
  [16_383, '7fff'],
  [16_384, '010080'],
  [2_097_152, '01000080'],
  [2_147_483_648, '0800000080'],
];

describe('net-ipc tag', () => {
  for (const [length, hex] of vectors) {
    it(`writes and reads ${length} as ${hex}`, () => {
      const bytes = new Uint8Array(tagWidth(length));
      writeTag(bytes, 0, length, bytes.length);
      expect(Buffer.from(bytes).toString('hex')).to.equal(hex);
      expect(readTag(bytes, 0, bytes.length)).to.equal(length * 8 + bytes.length);
    });
  }

  it('is read at any place, and asks for more until it is whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 35 - 1 }), fc.nat(9), (length, at) => {
        const width = tagWidth(length);
        const bytes = new Uint8Array(at + width);
        writeTag(bytes, at, length, width);
        expect(readTag(bytes, at, at + width)).to.equal(length * 8 + width);
        for (let end = at; end < at + width; end++) expect(readTag(bytes, at, end)).to.equal(0);
      }),
    );
  });

  it('is refused when it does not end within five bytes', () => {
    expect(readTag(Buffer.from('0101010101', 'hex'), 0, 5)).to.equal(-1);
  });
});
