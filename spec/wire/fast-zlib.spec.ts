import { expect } from 'chai';
import { describe, it } from 'mocha';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { BusError } from '../../lib/base/errors.ts';
import type { Inflater } from '../../lib/wire/compression.ts';
import { createDeflater, createInflater } from '../../lib/wire/fast-zlib.ts';
import { stopwatch } from '../support/stopwatch.ts';

const maxOutputBytes = 1 << 20;
const flushed = { finishFlush: constants.Z_SYNC_FLUSH };

function codeOf(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    if (error instanceof BusError) return error.code;
    throw error;
  }
  return 'none';
}

/** Bytes of a packet of about `size` that inflates a thousandfold. */
function bomb(size: number): Buffer {
  return deflateRawSync(Buffer.alloc(size * 1_000), flushed);
}

function process(inflater: Inflater, bytes: Uint8Array): string {
  return Buffer.from(inflater.process(bytes)).toString();
}

describe('raw deflate streams', () => {
  it('share their state over all packets of a link', () => {
    const deflater = createDeflater();
    const inflater = createInflater(maxOutputBytes);
    const text = 'the quick brown fox jumps over the lazy dog';
    const sizes = [1, 2, 3].map(() => {
      const bytes = deflater.process(Buffer.from(text));
      expect(Buffer.from(bytes).subarray(-4).toString('hex')).to.equal('0000ffff');
      expect(process(inflater, bytes)).to.equal(text);
      return bytes.length;
    });
    expect(sizes[1]).to.be.lessThan((sizes[0] ?? 0) / 3);
    deflater.close();
    inflater.close();
  });

  it('interoperate with the platform in both directions', () => {
    const deflater = createDeflater(9);
    const inflater = createInflater(maxOutputBytes);
    const text = 'x'.repeat(50_000);
    expect(inflateRawSync(deflater.process(Buffer.from(text)), flushed).toString()).to.equal(text);
    expect(process(inflater, deflateRawSync(text, flushed))).to.equal(text);
    deflater.close();
    inflater.close();
  });

  it('take memory when they are first used', () => {
    const before = globalThis.process.memoryUsage().rss;
    const idle = Array.from({ length: 2_000 }, () => [createDeflater(), createInflater(maxOutputBytes)] as const);
    expect(globalThis.process.memoryUsage().rss - before).to.be.lessThan(16 << 20);
    for (const pair of idle) for (const stream of pair) stream.close();
  });

  it('refuse corrupt bytes, stay refused, and raise nothing later', async () => {
    const raised: unknown[] = [];
    const note = (error: unknown) => raised.push(error);
    globalThis.process.on('uncaughtException', note);
    for (const hex of ['ff', '07', 'ffffffff', '05e0ff', '000100ffff00', '78da00']) {
      const inflater = createInflater(maxOutputBytes);
      inflater.process(deflateRawSync('good', flushed));
      expect(
        codeOf(() => inflater.process(Buffer.from(hex.padEnd(80, 'f'), 'hex'))),
        hex,
      ).to.equal('ERR_PROTOCOL');
      expect(codeOf(() => inflater.process(deflateRawSync('good', flushed)))).to.equal('ERR_PROTOCOL');
      inflater.close();
    }
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    globalThis.process.off('uncaughtException', note);
    expect(raised).to.deep.equal([]);
  });

  it('are closed once and for all, used or not', () => {
    const used = createDeflater();
    used.process(Buffer.from('x'));
    for (const stream of [used, createDeflater(), createInflater(maxOutputBytes)]) {
      stream.close();
      stream.close();
      expect(codeOf(() => stream.process(Buffer.from('x')))).to.equal('ERR_PROTOCOL');
    }
  });

  it('inflate up to the limit and not a byte further', () => {
    const exact = deflateRawSync(Buffer.alloc(maxOutputBytes), flushed);
    const over = deflateRawSync(Buffer.alloc(maxOutputBytes + 1), flushed);
    const inflater = createInflater(maxOutputBytes);
    expect(inflater.process(exact)).to.have.length(maxOutputBytes);
    expect(codeOf(() => inflater.process(over))).to.equal('ERR_TOO_LARGE');
    expect(codeOf(() => inflater.process(exact))).to.equal('ERR_PROTOCOL');
  });

  for (const size of [1_024, 100 * 1_024, 1 << 20, 4 << 20]) {
    it(`stop a bomb of ${size} bytes within 100 ms and twice the limit`, () => {
      const limit = 16 << 20;
      const part = bomb(Math.min(size, 1 << 16));
      const bytes = Buffer.concat(Array<Buffer>(Math.ceil(size / (1 << 16))).fill(part));
      const small = bytes.length * 1_000 < limit;
      const inflater = createInflater(small ? 1 << 19 : limit);
      const before = globalThis.process.memoryUsage().rss;
      const elapsedMs = stopwatch();
      expect(codeOf(() => inflater.process(bytes))).to.equal('ERR_TOO_LARGE');
      expect(elapsedMs()).to.be.lessThan(100);
      expect(globalThis.process.memoryUsage().rss - before).to.be.lessThan(2 * limit);
    });
  }
});
