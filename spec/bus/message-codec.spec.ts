import { expect } from 'chai';
import { describe, it } from 'mocha';
import { MessageCodec } from '../../lib/index.ts';

describe('message codec', () => {
  it('data - comes back as it was, from any codec, in any order', () => {
    const codec = new MessageCodec();
    const values = [
      null,
      7,
      'grün',
      [1, [2]],
      { at: new Date(5), bytes: Buffer.from('raw'), nested: { n: -0.5 } },
      new Set([1]),
    ];
    const encoded = values.map((value) => codec.encode(value));
    for (const [index, bytes] of [...encoded.entries()].reverse()) {
      expect(new MessageCodec().decode(bytes)).to.deep.equal(values[index]);
    }
  });

  it('data - that was handed out is never written again, whatever its size', () => {
    const codec = new MessageCodec();
    const texts = Array.from({ length: 300 }, (_, index) => `${index}`.repeat(index % 40 === 0 ? 10_000 : 10));
    const encoded = texts.map((text) => codec.encode(text));
    expect(encoded.map((bytes) => codec.decode(bytes))).to.deep.equal(texts);
  });

  it('data - that cannot be encoded, and bytes that are no data, are refused', () => {
    const codec = new MessageCodec();
    const circular: unknown[] = [];
    circular.push(circular);
    for (const value of [Symbol('s'), { shared: new SharedArrayBuffer(8) }, circular]) {
      expect(() => codec.encode(value))
        .to.throw()
        .with.property('code', 'ERR_UNENCODABLE');
    }
    const deep = Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.from([0xc0])]);
    for (const bytes of [new Uint8Array(0), Uint8Array.of(0x92, 1), Uint8Array.of(1, 1), deep]) {
      expect(() => codec.decode(bytes))
        .to.throw()
        .with.property('code', 'ERR_PROTOCOL');
    }
    expect(codec.decode(codec.encode('and goes on'))).to.equal('and goes on');
  });
});
