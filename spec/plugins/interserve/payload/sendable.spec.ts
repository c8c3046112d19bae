import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { BusError } from '../../../../lib/base/errors.ts';
import { payloadOf } from '../../../../lib/plugins/interserve/payload/sendable.ts';
import { until } from '../../../support/buses.ts';
import { type Payload, Scratch } from '../../../../lib/plugins/interserve/payload/payload.ts';

const gib = 1024 ** 3;

async function readAll(payload: Payload, portion = 1000): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let position = 0; ; ) {
    const bytes = await payload.read(position, portion, new Scratch());
    if (bytes.length === 0) return Buffer.concat(chunks);
    payload.fingerprint.feed(position, bytes);
    chunks.push(Buffer.from(bytes));
    position += bytes.length;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function rejection(promise: Promise<unknown>): Promise<BusError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof BusError) return error;
    throw error;
  }
  throw new Error('It did not reject');
}

describe('interserve payloads', () => {
  const content = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251));
  let folder: string;
  let path: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'busbar-spec-'));
    path = join(folder, 'content.bin');
    await writeFile(path, content);
  });
  after(() => rm(folder, { recursive: true }));

  const sources: Record<string, () => unknown> = {
    'a Buffer': () => content,
    'a typed array': () => new Uint16Array(content.buffer, content.byteOffset, content.length / 2),
    'an ArrayBuffer': () => new Uint8Array(content).buffer,
    'a stream': () => Readable.from([content.subarray(0, 10), content.subarray(10)]),
    'a file': () => ({ file: path }),
  };
  for (const [name, source] of Object.entries(sources)) {
    it(`${name} - is read from any position, again and again, with one hash`, async () => {
      const payload = await payloadOf(source(), gib)();
      try {
        expect((await readAll(payload)).equals(content)).to.equal(true);
        expect((await readAll(payload, 7)).equals(content)).to.equal(true);
        expect(payload.size).to.equal(content.length);
        expect(await payload.fingerprint.of(payload)).to.equal(sha256(content));
      } finally {
        await payload.close();
      }
    });
  }

  it('a hash - of what nobody or only a part was read is complete too', async () => {
    const payload = await payloadOf({ file: path }, gib)();
    payload.fingerprint.feed(0, await payload.read(0, 100, new Scratch()));
    payload.fingerprint.feed(5000, await payload.read(5000, 100, new Scratch()));
    const [first, second] = await Promise.all([payload.fingerprint.of(payload), payload.fingerprint.of(payload)]);
    expect([first, second]).to.deep.equal([sha256(content), sha256(content)]);
    await payload.close();
  });

  it('a string - travels as UTF-8 and says so', async () => {
    const payload = await payloadOf('größer', gib)();
    expect(payload.kind).to.equal('string');
    expect((await readAll(payload)).toString()).to.equal('größer');
  });

  it('a file - has its base name and no other part of its path', async () => {
    const payload = await payloadOf({ file: path }, gib)();
    expect(payload.name).to.equal('content.bin');
    await payload.close();
  });

  it('a file - that is missing or a folder is refused', async () => {
    const missing = await rejection(payloadOf({ file: join(folder, 'none') }, gib)());
    expect(missing.code).to.equal('ERR_INVALID_ARGUMENT');
    expect((await rejection(payloadOf({ file: folder }, gib)())).code).to.equal('ERR_INVALID_ARGUMENT');
  });

  it('a file - that becomes shorter fails with ERR_INTEGRITY', async () => {
    const shrinking = join(folder, 'shrinking');
    await writeFile(shrinking, content);
    const payload = await payloadOf({ file: shrinking }, gib)();
    await truncate(shrinking, 10);
    expect((await rejection(readAll(payload))).code).to.equal('ERR_INTEGRITY');
    await payload.close();
  });

  it('a stream - is not read before somebody wants it', async () => {
    let reads = 0;
    const source = new Readable({ read: () => (reads += 1) });
    const payload = await payloadOf(source, gib)();
    await new Promise(setImmediate);
    expect(reads).to.equal(0);
    await payload.close();
    expect(source.destroyed).to.equal(true);
  });

  it('a stream - is read a bounded piece ahead of its reader', async () => {
    const portion = Buffer.alloc(1024 * 1024);
    let given = 0;
    const source = new Readable({
      highWaterMark: 1,
      read() {
        given += 1;
        this.push(given > 64 ? null : portion);
      },
    });
    const payload = await payloadOf(source, gib)();
    await payload.beyond(0);
    let before = -1;
    await until(() => given >= 16);
    while (before !== given) {
      before = given;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(given).to.be.within(16, 20);
    expect(await readAll(payload, portion.length)).to.have.length(64 * portion.length);
    await payload.close();
  });

  it('a stream - of unknown end says how far it came, and waits', async () => {
    const source = new PassThrough();
    const payload = await payloadOf(source, gib)();
    source.write('abc');
    await payload.beyond(2);
    expect([payload.size, payload.available]).to.deep.equal([undefined, 3]);
    const next = payload.read(3, 10, new Scratch());
    source.end('def');
    expect(Buffer.from(await next).toString()).to.equal('def');
    await payload.beyond(6);
    expect(payload.size).to.equal(6);
    await payload.close();
  });

  it('a stream - past its limit, broken or of objects fails, and leaves no file', async () => {
    const usual = process.env['TMPDIR'];
    const temporary = await mkdtemp(join(folder, 'tmp-'));
    process.env['TMPDIR'] = temporary;
    const broken = new Readable({ read: () => broken.destroy(new Error('my own')) });
    const failing: [Readable, string][] = [
      [Readable.from([content]), 'ERR_TOO_LARGE'],
      [broken, 'ERR_ABORTED'],
      [Readable.from([{}]), 'ERR_INVALID_ARGUMENT'],
    ];
    for (const [source, code] of failing) {
      const payload = await payloadOf(source, 100)();
      expect((await rejection(readAll(payload))).code).to.equal(code);
      await payload.close();
    }
    if (usual === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = usual;
    expect(await readdir(temporary)).to.deep.equal([]);
  });

  it('anything else - is refused at once', () => {
    const destroyed = new Readable();
    destroyed.destroy();
    for (const data of [undefined, null, 1, {}, [], { file: 1 }, { file: '' }, { file: 'a\0b' }, destroyed]) {
      expect(() => payloadOf(data, gib))
        .to.throw(BusError)
        .with.property('code', 'ERR_INVALID_ARGUMENT');
    }
  });
});
