import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { createDeflater, createInflater } from '../../../lib/wire/fast-zlib.ts';
import type { Frame } from '../../../lib/wire/frames.ts';
import { BlockReader, BlockWriter } from '../../../lib/wire/compression.ts';
import { decode, decoderOf, Writer, writeFrame } from './native-peer.ts';

const binary = fc.oneof(
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.uint8Array(),
  fc.uint8Array({ size: '+1' }).map((bytes) => bytes.buffer),
  fc.int16Array(),
  fc.float32Array({ noNaN: true }),
  fc.float64Array({ noNaN: true }),
  fc.bigUint64Array(),
  fc.uint8Array().map((bytes) => new DataView(bytes.buffer)),
);

const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, 63, 64, 127, 128, -1, -33, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, 1.5),
    fc.integer(),
    // MessagePack writes whole numbers as integers, which have no negative zero.
    fc.double({ noNaN: true }).map((number) => number + 0),
    fc.string({ unit: 'grapheme' }),
    fc.date({ min: new Date(0), max: new Date(2 ** 32 * 1_000 - 1), noInvalidDate: true }),
    binary,
    fc.array(tie('value')),
    fc.dictionary(
      fc.string({ minLength: 1, maxLength: 8 }).filter((key) => !key.startsWith('__')),
      tie('value'),
    ),
    fc.record({ id: fc.nat(), name: fc.string(), on: fc.boolean() }),
  ),
})).value;

const lane = fc.integer({ min: 0, max: 3 });
const id = fc.integer({ min: 1, max: 0xffff_ffff });
const text = fc.string({ minLength: 1, maxLength: 20 });

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ type: fc.constant('message' as const), lane, data: value, confirm: fc.boolean(), size: fc.constant(0) }),
  fc.record({
    type: fc.constant('request' as const),
    lane,
    id,
    data: value,
    timeoutMs: fc.option(fc.integer({ min: 0, max: 0xffff_ffff }), { nil: undefined }),
    size: fc.constant(0),
  }),
  fc.record({ type: fc.constant('response' as const), lane, id, data: value, size: fc.constant(0) }),
  fc.record({
    type: fc.constant('failure' as const),
    lane,
    id,
    error: fc.record({ code: text, message: fc.string() }),
    size: fc.constant(0),
  }),
  fc.record({ type: fc.constant('ping' as const), id, data: value, size: fc.constant(0) }),
  fc.record({ type: fc.constant('cancel' as const), lane, id, size: fc.constant(0) }),
  fc.record({ type: fc.constant('ack' as const), received: fc.nat(), size: fc.constant(0) }),
);

/** Ends of pieces: anywhere, several at once. */
function cutsOf(seeds: readonly number[], length: number): number[] {
  return seeds.map((seed) => Math.floor(seed * (length + 1))).sort((a, b) => a - b);
}

const seeds = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 6 });

describe('native round trip', () => {
  for (const records of [false, true]) {
    it(`${records ? 'with' : 'without'} records - any frames, split anywhere, arrive as they were`, () => {
      fc.assert(
        fc.property(fc.array(frame, { minLength: 1, maxLength: 12 }), seeds, (frames, cutSeeds) => {
          const writer = new Writer({ records });
          const bytes = writer.bytes((encoder) => {
            for (const each of frames) writeFrame(encoder, each);
          });
          const read = decode(decoderOf({ records }), bytes, cutsOf(cutSeeds, bytes.length));
          expect(read.map((each) => ({ ...each, size: 0 }))).to.deep.equal(frames);
          expect(read.reduce((sum, { size }) => sum + size, 0)).to.equal(bytes.length);
        }),
        { numRuns: 300 },
      );
    });

    it(`${records ? 'with' : 'without'} records - bodies around the size of a chunk arrive whole`, () => {
      const sizes = fc.array(fc.constantFrom(0, 1, 65_586, 65_594, 65_599, 65_600, 65_601, 131_200, 200_000), {
        minLength: 1,
        maxLength: 4,
      });
      fc.assert(
        fc.property(sizes, fc.array(lane, { minLength: 4, maxLength: 4 }), seeds, (lengths, lanes, cutSeeds) => {
          const writer = new Writer({ records });
          const sent = lengths.map((length, index) => ({
            lane: lanes[index] ?? 0,
            data: index % 2 === 0 ? Buffer.alloc(length, index) : { text: 'x'.repeat(length) },
          }));
          const bytes = writer.bytes((encoder) => {
            for (const { lane: on, data } of sent) encoder.message(on, data, false);
          });
          const read = decode(decoderOf({ records }), bytes, cutsOf(cutSeeds, bytes.length));
          for (const on of [0, 1, 2, 3]) {
            const arrived = read.flatMap((each) => (each.type === 'message' && each.lane === on ? [each.data] : []));
            expect(arrived).to.deep.equal(sent.filter((each) => each.lane === on).map(({ data }) => data));
          }
        }),
        { numRuns: 60 },
      );
    });
  }

  it('compressed links - any bytes, split anywhere, arrive as they were', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 500 }), { maxLength: 8 }),
        seeds,
        (writes, cutSeeds) => {
          const deflater = createDeflater();
          const inflater = createInflater(70_000);
          const writer = new BlockWriter(deflater);
          const reader = new BlockReader(inflater);
          const wire = Buffer.concat(writes.flatMap((bytes) => writer.wrap(bytes)));
          const read: Uint8Array[] = [];
          let start = 0;
          for (const end of [...cutsOf(cutSeeds, wire.length), wire.length]) {
            reader.feed(wire.subarray(start, end), (bytes) => read.push(Uint8Array.from(bytes)));
            start = end;
          }
          deflater.close();
          inflater.close();
          expect(Buffer.concat(read).equals(Buffer.concat(writes))).to.equal(true);
        },
      ),
      { numRuns: 100 },
    );
  });
});
