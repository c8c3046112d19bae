import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { BusError } from '../../../../lib/base/errors.ts';
import { transferError } from '../../../../lib/plugins/interserve/outcomes.ts';
import { ValueSink } from '../../../../lib/plugins/interserve/receive/pipeline.ts';
import { FileSink, StreamSink } from '../../../../lib/plugins/interserve/receive/sinks.ts';

const hash = 'a'.repeat(64);

async function rejection(promise: Promise<unknown> | undefined): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('It did not reject');
}

/** Three million pieces of a byte, each of which keeps what was read with it. */
const pieces = 3_000_000;
function* bytesOfMuch(): Generator<Buffer> {
  for (let at = 0; at < pieces; at += 1_000) {
    const read = Buffer.alloc(1_000, 'x');
    for (let byte = 0; byte < read.length; byte += 1) yield read.subarray(byte, byte + 1);
  }
}

function inUse(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1_048_576;
}

describe('interserve sinks', () => {
  describe('value', () => {
    it('a string - arrives as a string, also when a character was cut', async () => {
      const bytes = Buffer.from('größer');
      for (const size of [bytes.length, undefined]) {
        let got: unknown;
        const sink = new ValueSink('string', size, (value) => (got = value));
        sink.write(bytes.subarray(0, 3));
        sink.write(bytes.subarray(3));
        await sink.finish(hash);
        expect(got).to.equal('größer');
      }
    });

    it('bytes - arrive as a Buffer, also none', async () => {
      const got: unknown[] = [];
      for (const size of [0, undefined]) {
        await new ValueSink('bytes', size, (value) => got.push(value)).finish(hash);
      }
      expect(got).to.deep.equal([Buffer.alloc(0), Buffer.alloc(0)]);
    });
  });

  it('pieces of a byte - cost a byte, whoever keeps them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'busbar-spec-'));
    const got: string[] = [];
    let stream: Readable | undefined;
    const sinks = {
      value: new ValueSink('string', undefined, (value) => got.push(String(value))),
      stream: new StreamSink((given) => {
        stream = given;
      }),
      file: new FileSink(join(folder, 'whole'), () => {}),
    };
    for (const [name, sink] of Object.entries(sinks)) {
      const before = inUse();
      let isHeld = false;
      for (const byte of bytesOfMuch()) {
        const wait = sink.write(byte);
        // A stream that nobody reads holds its sender back.
        isHeld = name === 'stream' && wait !== undefined;
        if (isHeld) break;
      }
      expect(inUse() - before, name).to.be.below(8);
      expect(isHeld, name).to.equal(name === 'stream');
    }
    const read = text(stream!);
    await Promise.all(Object.values(sinks).map((sink) => sink.finish(hash)));
    expect((await read).length).to.equal(256 * 1_024);
    expect(got).to.deep.equal(['x'.repeat(pieces)]);
    expect((await readFile(join(folder, 'whole'))).length).to.equal(pieces);
    await rm(folder, { recursive: true });
  });

  describe('stream', () => {
    it('the end - comes only with finish', async () => {
      let ended = false;
      let stream: Readable | undefined;
      const sink = new StreamSink(async (given) => {
        stream = given;
        const got = await text(given);
        ended = true;
        expect(got).to.equal('abcdef');
      });
      await sink.write(Buffer.from('abc'));
      await sink.write(Buffer.from('def'));
      await new Promise(setImmediate);
      expect(stream?.readableEnded).to.equal(false);
      await sink.finish();
      expect(ended).to.equal(true);
    });

    it('a full stream - holds the sender back until it is read', async () => {
      let stream: Readable | undefined;
      const sink = new StreamSink((given) => (stream = given));
      const wait = sink.write(Buffer.alloc(300_000));
      expect(wait).to.be.a('promise');
      stream?.resume();
      await wait;
      await sink.finish();
    });

    it('a receiver that throws or gives up - refuses further bytes', async () => {
      const throwing = new StreamSink(() => {
        throw new TypeError('mine');
      });
      void throwing.write(Buffer.from('x'));
      await new Promise(setImmediate);
      expect(await rejection(throwing.write(Buffer.from('x')))).to.be.instanceOf(TypeError);
      await throwing.discard(transferError('failed'));
      const leaving = new StreamSink((stream) => stream.destroy());
      expect(await rejection(leaving.write(Buffer.from('x')))).to.be.instanceOf(Error);
    });

    it('a failed transfer - destroys the stream with its error', async () => {
      let stream: Readable | undefined;
      const sink = new StreamSink((given) => (stream = given));
      const failure = transferError('mismatch');
      await sink.write(Buffer.from('x'));
      await sink.discard(failure);
      expect(stream?.errored).to.equal(failure);
    });

    it('a transfer that brought nothing - is not shown to the receiver when it fails', async () => {
      const sink = new StreamSink(() => expect.fail('It was shown'));
      await sink.discard(transferError('interrupted'));
    });

    it('empty content - is an empty stream', async () => {
      let got: string | undefined;
      await new StreamSink(async (stream) => (got = await text(stream))).finish();
      expect(got).to.equal('');
    });
  });

  describe('file', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'busbar-spec-'));
    });
    afterEach(() => rm(folder, { recursive: true }));

    it('the file - appears under its name when it is whole', async () => {
      const path = join(folder, 'map');
      let got: unknown;
      const sink = new FileSink(path, (given) => (got = given));
      await sink.write(Buffer.from('abc'));
      expect(await readdir(folder)).to.not.include('map');
      for (let count = 0; count < 100; count++) await sink.write(Buffer.alloc(100_000, 1));
      await sink.finish(hash);
      expect(got).to.be.a('string').and.not.equal(path);
      expect((await readFile(path)).length).to.equal(10_000_003);
      expect(await readdir(folder)).to.deep.equal(['map']);
    });

    it('a temporary file - lasts as long as the callback', async () => {
      let path = '';
      const sink = new FileSink(undefined, async (given) => {
        path = given;
        expect((await readFile(given)).toString()).to.equal('abc');
      });
      await sink.write(Buffer.from('abc'));
      await sink.finish(hash);
      expect(await rejection(readFile(path))).to.have.property('code', 'ENOENT');
    });

    it('a failed transfer, or a callback that throws - leaves nothing', async () => {
      const discarded = new FileSink(join(folder, 'a'), () => {});
      void discarded.write(Buffer.from('abc'));
      await discarded.discard();
      const thrown = new FileSink(join(folder, 'b'), () => Promise.reject(new Error('mine')));
      await thrown.write(Buffer.from('abc'));
      expect(await rejection(thrown.finish(hash))).to.have.property('message', 'mine');
      await thrown.discard();
      expect(await readdir(folder)).to.deep.equal([]);
    });

    it('a full disk - refuses with 507', async function () {
      const device = await open('/dev/full', 'w').catch(() => this.skip());
      const sink = new FileSink(
        join(folder, 'a'),
        () => {},
        async () => device,
      );
      let error: unknown;
      for (let count = 0; count < 100 && error === undefined; count++) {
        await Promise.resolve(sink.write(Buffer.alloc(100_000))).catch((failure: unknown) => (error = failure));
      }
      expect(error).to.be.instanceOf(BusError).with.deep.property('details', { status: 507, reason: 'storage' });
      await sink.discard();
      expect(await readdir(folder)).to.deep.equal([]);
    });

    it('a folder that is missing - refuses and leaves nothing open', async () => {
      const sink = new FileSink(join(folder, 'none', 'a'), () => {});
      expect(await rejection(sink.finish(hash))).to.have.property('code', 'ENOENT');
      await sink.discard();
    });
  });
});
