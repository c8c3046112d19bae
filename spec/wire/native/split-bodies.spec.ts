import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Frame } from '../../../lib/wire/frames.ts';
import { NativeDecoder } from '../../../lib/wire/native/decoder.ts';
import { NativeEncoder } from '../../../lib/wire/native/encoder.ts';
import { chunkBytes } from '../../../lib/wire/native/header.ts';
import { Slab } from '../../../lib/wire/slab.ts';

const limits = { records: true, maxFrameBytes: 1_048_576, maxDepth: 64 };
const body = Buffer.alloc(2 * chunkBytes + 1_000, 'busbar');

/** The frames of a body that is cut in three, with a small message of another lane behind the first of them. */
function cutFrames(): Buffer[] {
  const slab = new Slab();
  const encoder = new NativeEncoder({ slab, records: true, maxFrameBytes: limits.maxFrameBytes });
  encoder.message(1, body, false);
  const frames: Buffer[] = [];
  const take = (): unknown => frames.push(Buffer.concat(slab.take()));
  encoder.queue.writeChunk();
  take();
  encoder.message(0, { small: true }, false);
  take();
  while (encoder.queue.writeChunk() !== undefined) take();
  return frames;
}

function types(frames: readonly Frame[]): string[] {
  return frames.map(({ type }) => type);
}

describe('bodies cut into frames', () => {
  it('are whole again wherever the bytes are split, and let others pass', () => {
    const bytes = Buffer.concat(cutFrames());
    for (const step of [1, 7, 4_097, 65_536, 65_548, bytes.length]) {
      const decoder = new NativeDecoder(limits);
      const found: Frame[] = [];
      for (let at = 0; at < bytes.length; at += step) {
        decoder.feed(Buffer.from(bytes.subarray(at, at + step)), (frame) => found.push(frame));
      }
      expect(types(found), `${step} at a time`).to.deep.equal(['part', 'message', 'part', 'message']);
      const last = found.at(-1);
      expect(last?.type === 'message' && body.equals(last.data as Buffer)).to.equal(true);
    }
  });

  it('go on over a new link with the frame that the broken one left unfinished', () => {
    const [first = Buffer.alloc(0), , second = Buffer.alloc(0), third = Buffer.alloc(0)] = cutFrames();
    for (const arrived of [0, 3, 11, 12, 13, 30_000, second.length - 1]) {
      const decoder = new NativeDecoder(limits);
      const found: Frame[] = [];
      const sink = (frame: Frame): unknown => found.push(frame);
      decoder.feed(first, sink);
      decoder.feed(second.subarray(0, arrived), sink);
      decoder.restart();
      for (const frame of [second, third]) decoder.feed(frame, sink);
      expect(types(found), `${arrived} bytes`).to.deep.equal(['part', 'part', 'message']);
      const last = found.at(-1);
      expect(last?.type === 'message' && body.equals(last.data as Buffer)).to.equal(true);
    }
  });

  it('begin anew when not even the first frame was whole', () => {
    const frames = cutFrames();
    const decoder = new NativeDecoder(limits);
    const found: Frame[] = [];
    decoder.feed((frames[0] as Buffer).subarray(0, 500), (frame) => found.push(frame));
    decoder.restart();
    for (const frame of frames) decoder.feed(frame, (one) => found.push(one));
    expect(types(found)).to.deep.equal(['part', 'message', 'part', 'message']);
  });

  it('are refused over the limit before they are whole', () => {
    const decoder = new NativeDecoder({ ...limits, maxFrameBytes: chunkBytes + 1 });
    const [first = Buffer.alloc(0), , second = Buffer.alloc(0)] = cutFrames();
    decoder.feed(first, () => {});
    expect(() => decoder.feed(second.subarray(0, 100), () => {}))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
  });
});
