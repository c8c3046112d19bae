import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { EncodedMessage } from '../../../lib/wire/dialect.ts';
import type { Frame } from '../../../lib/wire/frames.ts';
import { NativeEncoder } from '../../../lib/wire/native/encoder.ts';
import { Slab } from '../../../lib/base/slab.ts';
import { decode, decoderOf, Writer } from './native-peer.ts';

function circular(): object {
  const data: { self?: object } = {};
  data.self = data;
  return data;
}

const dataOf = (frame: Frame | undefined): unknown => (frame !== undefined && 'data' in frame ? frame.data : frame);

describe('native encoder', () => {
  for (const records of [false, true]) {
    const name = records ? 'with records' : 'without records';

    it(`${name} - the bytes it says it wrote are the bytes in the slab`, () => {
      const writer = new Writer({ records });
      for (const data of [undefined, 1, 'x'.repeat(5_000), { a: [1, 2, { b: 'c' }] }, Buffer.alloc(10_000)]) {
        let said = 0;
        const bytes = writer.bytes((encoder) => (said = encoder.request(0, 7, data, 10)));
        expect(said).to.equal(bytes.length);
      }
    });

    it(`${name} - data that cannot be encoded leaves the slab as it was, and what follows is decodable`, () => {
      const writer = new Writer({ records });
      const decoder = decoderOf({ records });
      const bytes = writer.bytes((encoder) => {
        encoder.message(0, { a: 1, b: 2 }, false);
        const before = writer.slab.pendingBytes;
        expect(() => encoder.message(0, { c: 1, d: circular() }, false))
          .to.throw()
          .with.property('code', 'ERR_UNENCODABLE');
        expect(() => encoder.message(0, { c: 1, d: Symbol('s') }, false))
          .to.throw()
          .with.property('code', 'ERR_UNENCODABLE');
        expect(writer.slab.pendingBytes).to.equal(before);
        encoder.message(0, { a: 3, b: 4 }, false);
        encoder.message(0, { c: 5, d: 6 }, false);
      });
      expect(decode(decoder, bytes).map(dataOf)).to.deep.equal([
        { a: 1, b: 2 },
        { a: 3, b: 4 },
        { c: 5, d: 6 },
      ]);
    });

    it(`${name} - a body over the peer's limit is refused, and what follows is decodable`, () => {
      const writer = new Writer({ records, maxFrameBytes: 200 });
      const decoder = decoderOf({ records });
      const bytes = writer.bytes((encoder) => {
        for (const data of [{ long: 'x'.repeat(200) }, Buffer.alloc(200), { more: 'y'.repeat(99_999) }]) {
          expect(() => encoder.message(0, data, false))
            .to.throw()
            .with.property('code', 'ERR_TOO_LARGE');
          expect(() => encoder.encoded(0, { data }))
            .to.throw()
            .with.property('code', 'ERR_TOO_LARGE');
        }
        expect(writer.slab.pendingBytes).to.equal(0);
        encoder.message(0, { long: 'x' }, false);
        encoder.message(0, { more: 'y' }, false);
      });
      expect(decode(decoder, bytes).map(dataOf)).to.deep.equal([{ long: 'x' }, { more: 'y' }]);
    });

    it(`${name} - what is encoded once reads the same for every peer and among frames of a session`, () => {
      const message: EncodedMessage = { data: { a: 1, b: [true] } };
      const writers = [new Writer({ records }), new Writer({ records })];
      const [first, second] = writers.map((writer) => writer.bytes((encoder) => encoder.encoded(3, message)));
      expect(first?.equals(second ?? Buffer.alloc(0))).to.equal(true);
      const writer = new Writer({ records });
      const bytes = writer.bytes((encoder) => {
        encoder.message(0, { a: 0, b: 0 }, false);
        encoder.encoded(0, message);
        encoder.message(0, { a: 2, b: 2 }, false);
      });
      const frames = decode(decoderOf({ records }), bytes);
      expect(frames.map(dataOf)).to.deep.equal([
        { a: 0, b: 0 },
        { a: 1, b: [true] },
        { a: 2, b: 2 },
      ]);
    });

    it(`${name} - a body that grew past the slab is whole, and so is what was there before it`, () => {
      const writer = new Writer({ records });
      const large = Array.from({ length: 3_000 }, (_, index) => ({ index, text: `row ${index}` }));
      const bytes = writer.bytes((encoder) => {
        encoder.message(0, 'before', false);
        encoder.message(0, large, false);
        encoder.message(0, 'after', false);
      });
      const whole = decode(decoderOf({ records }), bytes).filter(({ type }) => type === 'message');
      expect(whole.map(dataOf)).to.deep.equal(['before', large, 'after']);
    });
  }

  it('binary data inside other data - arrives as what it was, and so do sets, dates and errors', () => {
    const data = {
      bytes: Buffer.from([1, 2]),
      arrays: [
        new Uint8Array([1]),
        new Float32Array([1.5, -2]),
        new BigInt64Array([-1n]),
        new DataView(new ArrayBuffer(3)),
      ],
      buffer: new ArrayBuffer(300),
      set: new Set([1, 'two']),
      date: new Date(1_700_000_000_123),
      large: 2n ** 70n,
      pattern: /a+/gi,
      nothing: undefined,
    };
    for (const records of [false, true]) {
      const bytes = new Writer({ records }).bytes((encoder) => encoder.message(0, data, false));
      expect(dataOf(decode(decoderOf({ records }), bytes)[0])).to.deep.equal(data);
    }
  });

  it('binary data of a class of its own inside other data - is refused, and what follows is decodable', () => {
    class Pixels extends Uint8Array {}
    const innocent = { text: '\u0074\u00ff', bytes: Buffer.from('c70374ff0102', 'hex'), set: new Set([1]) };
    for (const records of [false, true]) {
      const writer = new Writer({ records });
      const bytes = writer.bytes((encoder) => {
        for (const pixels of [new Pixels(2), new Pixels(300), new Pixels(70_000)]) {
          expect(() => encoder.message(0, { a: 1, pixels }, false))
            .to.throw()
            .with.property('code', 'ERR_UNENCODABLE');
        }
        encoder.message(0, { a: 1, pixels: 2 }, false);
        encoder.message(0, innocent, false);
        encoder.message(0, new Pixels(2), false);
      });
      expect(decode(decoderOf({ records }), bytes).map(dataOf)).to.deep.equal([
        { a: 1, pixels: 2 },
        innocent,
        new Uint8Array(2),
      ]);
    }
  });

  it('broadcast bodies - are encoded whatever their length', () => {
    for (const length of [0, 10, 63, 64, 65, 100, 600, 2_000, 2_112, 5_000, 70_000]) {
      for (const data of [{ text: 'y'.repeat(length) }, ['é'.repeat(length)], Array.from({ length }, () => 1.5)]) {
        const bytes = new Writer().bytes((encoder) => encoder.encoded(0, { data }));
        expect(dataOf(decode(decoderOf(), bytes).at(-1))).to.deep.equal(data);
      }
    }
  });

  it('large bodies - other lanes take turns with them, and nothing overtakes within a lane', () => {
    const writer = new Writer();
    const { encoder } = writer;
    expect(encoder.message(1, Buffer.alloc(200_000, 1), false)).to.equal(0);
    expect(encoder.message(2, Buffer.alloc(200_000, 2), false)).to.equal(0);
    expect(encoder.message(1, 'after the large one', false)).to.equal(0);
    expect(encoder.message(3, 'at once', false)).to.be.greaterThan(0);
    expect(encoder.queue.bytes).to.be.greaterThan(400_000);

    const order: number[] = [];
    for (let chunk = encoder.queue.writeChunk(); chunk !== undefined; chunk = encoder.queue.writeChunk()) {
      order.push(chunk.lane);
    }
    expect(order).to.deep.equal([1, 2, 1, 2, 1, 2, 1, 2, 1]);
    expect(encoder.queue.bytes).to.equal(0);
    const frames = decode(decoderOf(), Buffer.concat(writer.slab.take())).filter(({ type }) => type === 'message');
    expect(frames.map((frame) => 'lane' in frame && frame.lane)).to.deep.equal([3, 1, 2, 1]);
    expect(dataOf(frames[3])).to.equal('after the large one');
  });

  it('large bodies - a request keeps its deadline, an encoded message its form', () => {
    const writer = new Writer();
    const bytes = writer.bytes((encoder) => {
      encoder.request(0, 9, 'r'.repeat(100_000), 1_234);
      encoder.request(0, 10, Buffer.alloc(100_000, 7), 99);
      encoder.encoded(0, { data: new Uint16Array(50_000) });
    });
    const [text, raw, message] = decode(decoderOf(), bytes).filter(({ type }) => type !== 'part');
    expect(text).to.include({ type: 'request', id: 9, timeoutMs: 1_234, data: 'r'.repeat(100_000) });
    expect(raw).to.include({ type: 'request', id: 10, timeoutMs: 99 });
    expect(dataOf(raw)).to.deep.equal(Buffer.alloc(100_000, 7));
    expect(dataOf(message)).to.deep.equal(new Uint16Array(50_000));
  });

  it('data whose toJSON sends - is refused, and the frame it is part of is whole', () => {
    const writer = new Writer();
    const codes: unknown[] = [];
    const bytes = writer.bytes((encoder) => {
      class Sends {
        toJSON(): string {
          try {
            encoder.message(0, 'inside', false);
          } catch (error) {
            codes.push((error as { code?: unknown }).code);
          }
          return 'outside';
        }
      }
      encoder.message(0, { nested: new Sends() }, false);
    });
    expect(codes).to.deep.equal(['ERR_STATE']);
    expect(decode(decoderOf(), bytes).map(dataOf)).to.deep.equal([{ nested: 'outside' }]);
  });

  it('acknowledgements - are written modulo 2^32', () => {
    const bytes = new Writer().bytes((encoder) => encoder.ack(2 ** 32 + 5));
    expect(decode(decoderOf(), bytes)).to.deep.equal([{ type: 'ack', received: 5, size: 12 }]);
  });

  it('questions that are written again - say what is left, and that they were withdrawn to who knows of that', () => {
    for (const [withdraws, flags] of [
      [true, 0x32],
      [false, 0x12],
    ] as const) {
      const slab = new Slab();
      const encoder = new NativeEncoder({ slab, records: false, withdraws, maxFrameBytes: 1_048_576, maxDepth: 64 });
      encoder.request(0, 7, 'a', 1_500);
      encoder.request(0, 8, 'a', 1_500);
      encoder.message(0, 'a', true);
      const [bytes = Buffer.of()] = slab.take();
      const size = (bytes.length - 14) / 2;
      const asker = { left: (id: number) => (id === 7 ? 400 : -1) };
      for (const at of [0, size, 2 * size]) encoder.amend(bytes, at, true, asker);
      const frames = [bytes.subarray(0, size), bytes.subarray(size, 2 * size), bytes.subarray(2 * size)];
      expect(frames.map((frame) => frame[5])).to.deep.equal([0x12, flags, 0x0a]);
      expect(frames.slice(0, 2).map((frame) => Buffer.from(frame).readUInt32BE(12))).to.deep.equal([400, 0]);
      // Of a body that was cut, the parts behind the first have no deadline.
      encoder.amend(bytes, 0, false, { left: () => 300 });
      expect(Buffer.from(bytes).readUInt32BE(12)).to.equal(400);
    }
  });
});
