import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Frame } from '../../../lib/wire/frames.ts';
import { NativeEncoder } from '../../../lib/wire/native/encoder.ts';
import { chunkBytes, Encoding, Flag, FrameType, headerBytes, writeHeader } from '../../../lib/wire/native/header.ts';
import { Slab } from '../../../lib/base/slab.ts';
import { decoderOf } from './native-peer.ts';

const limits = { records: true, maxFrameBytes: 1_048_576, maxDepth: 64 };
const body = Buffer.alloc(2 * chunkBytes + 1_000, 'busbar');

/** The frames of a body that is cut in three, with a small message of another lane behind the first of them. */
function cutFrames(): Buffer[] {
  const slab = new Slab();
  const encoder = new NativeEncoder({
    slab,
    records: true,
    maxFrameBytes: limits.maxFrameBytes,
    maxDepth: limits.maxDepth,
  });
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
    for (const step of [1, 7, 4_097, 65_536, 65_612, bytes.length]) {
      const decoder = decoderOf(limits);
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
      const decoder = decoderOf(limits);
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
    const decoder = decoderOf(limits);
    const found: Frame[] = [];
    decoder.feed((frames[0] as Buffer).subarray(0, 500), (frame) => found.push(frame));
    decoder.restart();
    for (const frame of frames) decoder.feed(frame, (one) => found.push(one));
    expect(types(found)).to.deep.equal(['part', 'message', 'part', 'message']);
  });

  it('are one after the other what was sent, whatever the one before was expected to be', () => {
    const slab = new Slab();
    const encoder = new NativeEncoder({
      slab,
      records: true,
      maxFrameBytes: limits.maxFrameBytes,
      maxDepth: limits.maxDepth,
    });
    const sizes = [70_000, 1_000_000, 70_000, 131_072, 500_000, 65_537, 140_000];
    const sent = sizes.map((size, i) => Buffer.alloc(size, i + 1));
    for (const one of sent) encoder.message(1, one, false);
    while (encoder.queue.writeChunk() !== undefined);
    const decoder = decoderOf(limits);
    const found: unknown[] = [];
    for (const bytes of slab.take()) {
      decoder.feed(bytes, (frame) => frame.type === 'message' && found.push(frame.data));
    }
    expect(found.length).to.equal(sent.length);
    for (const [i, one] of sent.entries()) expect(one.equals(found[i] as Buffer), `body ${i}`).to.equal(true);
    for (const one of found as Buffer[]) expect(one.buffer.byteLength).to.be.at.most(one.length * 2);
  });

  it('hold little more memory than came, half received on however many lanes', () => {
    const decoder = decoderOf(limits);
    const slab = new Slab();
    const encoder = new NativeEncoder({
      slab,
      records: true,
      maxFrameBytes: limits.maxFrameBytes,
      maxDepth: limits.maxDepth,
    });
    encoder.message(1, Buffer.alloc(1_000_000), false);
    while (encoder.queue.writeChunk() !== undefined);
    for (const bytes of slab.take()) decoder.feed(bytes, () => {});
    const before = process.memoryUsage().arrayBuffers;
    for (let lane = 2; lane < 60; lane++) {
      const part = Buffer.alloc(headerBytes + 96);
      writeHeader(part, 0, 96, FrameType.message, Encoding.raw | Flag.more, lane, 0);
      decoder.feed(part, () => {});
    }
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(10 * 1_048_576);
  });

  it('hold as little in parts of a byte, wherever those were read', () => {
    const decoder = decoderOf(limits);
    const part = Buffer.alloc(headerBytes + 1);
    writeHeader(part, 0, 1, FrameType.message, Encoding.raw | Flag.more, 0, 0);
    const heartbeat = Buffer.alloc(headerBytes);
    writeHeader(heartbeat, 0, 0, FrameType.heartbeat, 0, 0, 0);
    const read = Buffer.concat([part, ...Array.from({ length: 5_000 }, () => heartbeat)]);
    const before = process.memoryUsage().arrayBuffers;
    for (let turn = 0; turn < 2_000; turn++) decoder.feed(Buffer.from(read), () => {});
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(60 * 1_048_576);
    const whole = Buffer.from(part);
    writeHeader(whole, 0, 1, FrameType.message, Encoding.raw, 0, 0);
    const found: Frame[] = [];
    decoder.feed(whole, (frame) => found.push(frame));
    expect(found.map(({ type }) => type)).to.deep.equal(['message']);
  });

  it('are refused over the limit before they are whole', () => {
    const decoder = decoderOf({ ...limits, maxFrameBytes: chunkBytes + 1 });
    const [first = Buffer.alloc(0), , second = Buffer.alloc(0)] = cutFrames();
    decoder.feed(first, () => {});
    expect(() => decoder.feed(second.subarray(0, 100), () => {}))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
  });

  it('on a lane that nobody opened, and as the name of one - are ERR_PROTOCOL, and nothing is kept', () => {
    for (const [type, lane] of [
      [FrameType.message, 256],
      [FrameType.request, 65_535],
      [FrameType.open, 3],
    ] as const) {
      for (const whole of [true, false]) {
        const part = Buffer.alloc(headerBytes + 1);
        writeHeader(part, 0, 1, type, Encoding.raw | Flag.more, lane, 0);
        expect(() => decoderOf(limits).feed(whole ? part : part.subarray(0, headerBytes), () => {}))
          .to.throw()
          .with.property('code', 'ERR_PROTOCOL');
      }
    }
  });

  it('of pings that are skipped - are counted and not heard, and what follows is', () => {
    const slab = new Slab();
    const encoder = new NativeEncoder({ slab, ...limits });
    encoder.ping(1, body);
    encoder.ping(2, body);
    encoder.ping(3, 'small');
    while (encoder.queue.writeChunk() !== undefined);
    encoder.message(0, body, false);
    while (encoder.queue.writeChunk() !== undefined);
    const bytes = Buffer.concat(slab.take());
    for (const step of [4_097, 65_536, bytes.length]) {
      const decoder = decoderOf(limits);
      const found: Frame[] = [];
      for (let at = 0; at < bytes.length; at += step) {
        // The first one has begun by the time that it is to be skipped.
        decoder.skipsPings = () => at > 0 || step === bytes.length;
        decoder.feed(Buffer.from(bytes.subarray(at, at + step)), (frame) => found.push(frame));
      }
      const whole = step === bytes.length ? [] : ['ping 1'];
      const heard = found.flatMap((frame) => (frame.type === 'ping' ? [`ping ${frame.id}`] : []));
      expect(heard, `${step} at a time`).to.deep.equal([...whole, 'ping 3']);
      expect(found.reduce((sum, { size }) => sum + size, 0)).to.be.at.least(bytes.length);
      expect(found).to.have.lengthOf(10);
      const last = found.at(-1);
      expect(last?.type === 'message' && body.equals(last.data as Buffer)).to.equal(true);
    }
  });

  it('of pings that define records - are read even so', () => {
    const slab = new Slab();
    const encoder = new NativeEncoder({ slab, ...limits });
    const rows = Array.from({ length: 10_000 }, (_, n) => ({ latitude: n, longitude: -n, name: 'somewhere' }));
    encoder.ping(1, rows);
    while (encoder.queue.writeChunk() !== undefined);
    encoder.message(0, rows[7], false);
    const decoder = decoderOf(limits);
    decoder.skipsPings = () => true;
    const found: Frame[] = [];
    decoder.feed(Buffer.concat(slab.take()), (frame) => found.push(frame));
    const last = found.at(-1);
    expect(last?.type === 'message' && last.data).to.deep.equal(rows[7]);
  });
});
