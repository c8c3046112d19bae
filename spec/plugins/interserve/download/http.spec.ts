import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type BareBus, eachBareBus, content, sha256 } from '../support/bare-bus.ts';
import type { BareClient } from '../support/bare-client.ts';
import { curl } from '../support/curl.ts';
import type { TransferBus } from '../support/transfer-bus.ts';

describe('interserve downloads over HTTP', () => {
  let rig: BareBus;
  let bus: TransferBus;
  let bare: BareClient;

  const start = eachBareBus((started) => {
    rig = started;
    ({ bus, bare } = rig);
  });

  it('GET - gives the whole with its length, and HEAD the headers alone', async () => {
    const { url, key, offer, handle } = await rig.offered();
    const head = await curl(url, ['-I', ...key]);
    expect([head.status, head.headers['content-length'], head.body.length]).to.deep.equal([200, '200000', 0]);
    const { status, body, headers } = await curl(url, key);
    expect(status).to.equal(200);
    expect(body.equals(content)).to.equal(true);
    expect(headers).to.include({ 'content-type': 'application/octet-stream', 'cache-control': 'no-store' });
    rig.taken(offer);
    expect(await handle.receipt).to.deep.include({ bytes: content.length, sha256 });
  });

  it('GET with Range - gives the part, the end, or 416', async () => {
    const { url, key, offer } = await rig.offered();
    const part = await curl(url, ['-r', '1000-1999', ...key]);
    expect([part.status, part.headers['content-range']]).to.deep.equal([206, 'bytes 1000-1999/200000']);
    expect(part.body.equals(content.subarray(1000, 2000))).to.equal(true);
    const end = await curl(url, ['-r', '-10', ...key]);
    expect(end.body.equals(content.subarray(-10))).to.equal(true);
    const beyond = await curl(url, ['-r', '200000-', ...key]);
    expect([beyond.status, beyond.headers['content-range']]).to.deep.equal([416, 'bytes */200000']);
    rig.taken(offer);
  });

  it('parts at the same time - are all served, up to a limit, and the last of them completes the transfer', async () => {
    // More than sockets take that nobody reads.
    const large = Buffer.concat(Array.from({ length: 16 }, (_, part) => Buffer.alloc(8_000_000, part)));
    const { url, key, handle, offer } = await rig.offered(large);
    const count = 16;
    const size = large.length / count;
    const rangeOf = (part: number): string => `bytes=${part * size}-${(part + 1) * size - 1}`;
    const headers = { authorization: key[1]?.replace('Authorization: ', '') ?? '' };
    const get1 = (range: string): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const request = get(url, { headers: { ...headers, range }, agent: false }, resolve);
        request.on('error', reject);
      });
    // None is read before all have begun.
    const answers = await Promise.all(Array.from({ length: count }, (_, part) => get1(rangeOf(part))));
    const more = await get1('bytes=0-9');
    expect(more.statusCode).to.equal(429);
    more.resume();
    const bodies = await Promise.all(answers.map((answer) => Readable.from(answer).toArray()));
    expect(answers.map(({ statusCode }) => statusCode)).to.deep.equal(answers.map(() => 206));
    expect(Buffer.concat(bodies.flat() as Buffer[]).equals(large)).to.equal(true);
    bare.answer(offer.transfer, {
      ok: true,
      receipt: { bytes: large.length, sha256: createHash('sha256').update(large).digest('hex'), resumed: 0 },
    });
    await handle.receipt;
  });

  it('ETag - is one for a content and its encoding; If-Range gives the part of that content alone', async () => {
    await bus.close();
    await start({ compress: true });
    const { url, key } = await rig.offered();
    const etagOf = async (...args: string[]): Promise<string | undefined> =>
      (await curl(url, [...args, ...key])).headers.etag?.toString();
    const etag = await etagOf('-I');
    expect(etag).to.match(/^"[\w-]{10,}"$/);
    expect(await etagOf()).to.equal(etag);
    expect(await etagOf('-r', '5-9')).to.equal(etag);
    const encoded = await etagOf('-H', 'Accept-Encoding: gzip');
    expect(encoded).to.be.a('string').and.not.equal(etag);
    expect((await rig.offered()).url).to.not.equal(url);
    const statusOf = async (condition: string | undefined): Promise<number> =>
      (await curl(url, ['-r', '5-9', '-H', `If-Range: ${condition}`, ...key])).status;
    expect(await statusOf(etag)).to.equal(206);
    for (const other of ['"another"', `W/${etag}`, encoded, 'Sun, 06 Nov 1994 08:49:37 GMT']) {
      expect(await statusOf(other), other).to.equal(200);
    }
  });

  it('a stream of unknown length - comes in chunks, and by parts as far as it is', async () => {
    const source = new PassThrough();
    const { url, key } = await rig.offered(source);
    source.write('0123456789');
    const part = await curl(url, ['-r', '4-', ...key]);
    expect([part.status, part.headers['content-range'], part.body.toString()]).to.deep.equal([
      206,
      'bytes 4-9/*',
      '456789',
    ]);
    source.end();
    await once(source, 'close');
    const last = await curl(url, ['-r', '10-', ...key]);
    expect([last.status, last.headers['content-range']]).to.deep.equal([416, 'bytes */10']);
    expect((await curl(url, key)).body.toString()).to.equal('0123456789');
  });

  it('content encodings - are those the requester takes, and none for a part or on loopback', async () => {
    const { url, key } = await rig.offered('interserve '.repeat(1000));
    const plain = await curl(url, ['-H', 'Accept-Encoding: br, gzip', ...key]);
    expect(plain.headers).to.not.have.property('content-encoding');
    await bus.close();
    await start({ compress: true });
    const again = await rig.offered('interserve '.repeat(1000));
    for (const [accept, decode] of [['gzip', gunzipSync] as const, ['br', brotliDecompressSync] as const]) {
      const { headers, body } = await curl(again.url, ['-H', `Accept-Encoding: ${accept}`, ...again.key]);
      expect(headers['content-encoding']).to.equal(accept);
      expect(body.length).to.be.below(1000);
      expect(decode(body).toString()).to.equal('interserve '.repeat(1000));
    }
    const part = await curl(again.url, ['-r', '0-9', '-H', 'Accept-Encoding: gzip', ...again.key]);
    expect([part.status, part.body.toString()]).to.deep.equal([206, 'interserve']);
  });

  it('a slow reader - is served at its pace and gets all of it', async () => {
    const large = Buffer.alloc(3_000_000, 5);
    const { url, key } = await rig.offered(large);
    const { body, exit } = await curl(url, ['--limit-rate', '3M', ...key]);
    expect([body.length, exit]).to.deep.equal([large.length, 0]);
  });

  it('two requests at once - the later one is served, the earlier one ends', async () => {
    const source = new PassThrough();
    const { url, key } = await rig.offered(source);
    source.write('abc');
    const admitted = new Promise((resolve) => bus.transfers.interrupt('map', resolve));
    const first = curl(url, key);
    await admitted;
    const second = curl(url, ['-r', '1-', ...key]);
    expect((await second).body.toString()).to.equal('bc');
    expect((await first).exit).to.not.equal(0);
    source.end();
  });
});
