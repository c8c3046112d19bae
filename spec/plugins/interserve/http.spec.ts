import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import type { Connection } from '../../../lib/index.ts';
import type { OfferMessage } from '../../../lib/plugins/interserve/protocol.ts';
import { BareClient } from './support/bare-client.ts';
import { curl, hasCurl, withKey } from './support/curl.ts';
import { reasonOf, TransferBus } from './support/transfer-bus.ts';

const content = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7) % 256));
const sha256 = createHash('sha256').update(content).digest('hex');

/** Writes all of a PUT before it reads; the status, or what became of the connection instead. */
function put(port: number, path: string, header: string, bytes: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('error', ({ message }) => resolve(message));
    socket.on('data', (part) => (text += String(part)));
    socket.on('close', () => resolve(text.split(' ')[1] ?? 'closed'));
    socket.pause();
    socket.write(`PUT ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${header}\r\nContent-Length: ${bytes}\r\n\r\n`);
    const more = (left: number): void => {
      const piece = Math.min(left, 65_536);
      if (piece === 0) socket.resume();
      else socket.write(Buffer.alloc(piece), (error) => error ?? setImmediate(more, left - piece));
    };
    more(bytes);
  });
}

describe('interserve over HTTP', () => {
  let bus: TransferBus;
  let bare: BareClient;
  let peer: Connection;

  async function start(...args: Parameters<typeof TransferBus.start>): Promise<void> {
    bus = await TransferBus.start(...args);
    bus.transfers.add('map');
    bare = new BareClient(bus);
    peer = await bus.join(bare.client);
  }

  async function offered(data: Parameters<TransferBus['transfers']['send']>[1] = content) {
    const handle = bus.transfers.send('map', data, peer);
    const offer = await bare.offer();
    return { handle, offer, url: offer.url(bus.port), key: withKey(offer.place.key) };
  }

  async function granted(transfer: number, { size }: { size?: number } = { size: content.length }) {
    const { place, answer } = bare.ask(transfer, 'map', size);
    const { path, key } = await place;
    return { answer, url: `http://127.0.0.1:${bus.port}${path}`, key: withKey(key) };
  }

  function taken(offer: OfferMessage): void {
    bare.answer(offer.transfer, { ok: true, receipt: { bytes: content.length, sha256, resumed: 0 } });
  }

  before(function () {
    if (!hasCurl) this.skip();
  });
  beforeEach(() => start());
  afterEach(async () => {
    await bus.close();
    expect(bus.errors).to.deep.equal([]);
  });

  describe('downloads', () => {
    it('GET - gives the whole with its length, and HEAD the headers alone', async () => {
      const { url, key, offer, handle } = await offered();
      const head = await curl(url, ['-I', ...key]);
      expect([head.status, head.headers['content-length'], head.body.length]).to.deep.equal([200, '200000', 0]);
      const { status, body, headers } = await curl(url, key);
      expect(status).to.equal(200);
      expect(body.equals(content)).to.equal(true);
      expect(headers).to.include({ 'content-type': 'application/octet-stream', 'cache-control': 'no-store' });
      taken(offer);
      expect(await handle.receipt).to.deep.include({ bytes: content.length, sha256 });
    });

    it('GET with Range - gives the part, the end, or 416', async () => {
      const { url, key, offer } = await offered();
      const part = await curl(url, ['-r', '1000-1999', ...key]);
      expect([part.status, part.headers['content-range']]).to.deep.equal([206, 'bytes 1000-1999/200000']);
      expect(part.body.equals(content.subarray(1000, 2000))).to.equal(true);
      const end = await curl(url, ['-r', '-10', ...key]);
      expect(end.body.equals(content.subarray(-10))).to.equal(true);
      const beyond = await curl(url, ['-r', '200000-', ...key]);
      expect([beyond.status, beyond.headers['content-range']]).to.deep.equal([416, 'bytes */200000']);
      taken(offer);
    });

    it('parts at the same time - are all served, up to a limit, and the last of them completes the transfer', async () => {
      // More than sockets take that nobody reads.
      const large = Buffer.concat(Array.from({ length: 16 }, (_, part) => Buffer.alloc(8_000_000, part)));
      const { url, key, handle, offer } = await offered(large);
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
      const { url, key } = await offered();
      const etagOf = async (...args: string[]): Promise<string | undefined> =>
        (await curl(url, [...args, ...key])).headers.etag?.toString();
      const etag = await etagOf('-I');
      expect(etag).to.match(/^"[\w-]{10,}"$/);
      expect(await etagOf()).to.equal(etag);
      expect(await etagOf('-r', '5-9')).to.equal(etag);
      const encoded = await etagOf('-H', 'Accept-Encoding: gzip');
      expect(encoded).to.be.a('string').and.not.equal(etag);
      expect((await offered()).url).to.not.equal(url);
      const statusOf = async (condition: string | undefined): Promise<number> =>
        (await curl(url, ['-r', '5-9', '-H', `If-Range: ${condition}`, ...key])).status;
      expect(await statusOf(etag)).to.equal(206);
      for (const other of ['"another"', `W/${etag}`, encoded, 'Sun, 06 Nov 1994 08:49:37 GMT']) {
        expect(await statusOf(other), other).to.equal(200);
      }
    });

    it('a stream of unknown length - comes in chunks, and by parts as far as it is', async () => {
      const source = new PassThrough();
      const { url, key } = await offered(source);
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
      const { url, key } = await offered('interserve '.repeat(1000));
      const plain = await curl(url, ['-H', 'Accept-Encoding: br, gzip', ...key]);
      expect(plain.headers).to.not.have.property('content-encoding');
      await bus.close();
      await start({ compress: true });
      const again = await offered('interserve '.repeat(1000));
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
      const { url, key } = await offered(large);
      const { body, exit } = await curl(url, ['--limit-rate', '3M', ...key]);
      expect([body.length, exit]).to.deep.equal([large.length, 0]);
    });

    it('two requests at once - the later one is served, the earlier one ends', async () => {
      const source = new PassThrough();
      const { url, key } = await offered(source);
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

  describe('who may', () => {
    it('no key or a wrong one - gets 401 and changes nothing', async () => {
      const { url, key, offer, handle } = await offered();
      for (const args of [[], withKey('x'.repeat(22)), ['-H', 'Authorization: Basic eDp5'], withKey('')]) {
        const { status, headers } = await curl(url, args);
        expect([status, headers['interserve-reason'], headers['www-authenticate']]).to.deep.equal([
          401,
          'unauthorized',
          'Bearer',
        ]);
      }
      expect((await curl(url, key)).status).to.equal(200);
      taken(offer);
      await handle.receipt;
    });

    it("another peer's key - gets 403 on every method and changes nothing", async () => {
      const { url, offer, handle, key } = await offered();
      const other = new BareClient(bus);
      const otherPeer = await bus.join(other.client);
      bus.transfers.send('map', 'x', otherPeer);
      const foreign = withKey((await other.offer()).place.key);
      for (const args of [[], ['-I'], ['-T', '-'], ['-X', 'POST', '-d', 'x']]) {
        const { status, headers } = await curl(url, [...args, ...foreign]);
        expect([status, headers['interserve-reason']]).to.deep.equal([403, 'foreign']);
      }
      expect((await curl(url, key)).body.equals(content)).to.equal(true);
      taken(offer);
      await handle.receipt;
    });

    it('another address - gets 401, unless it is not to be bound', async () => {
      const { url, key } = await offered();
      expect((await curl(url, ['--interface', '127.0.0.2', ...key])).status).to.equal(401);
      await bus.close();
      await start({ bindAddress: false });
      const again = await offered();
      expect((await curl(again.url, ['--interface', '127.0.0.2', ...again.key])).status).to.equal(200);
    });

    it('X-Forwarded-For - is believed of trusted proxies alone', async () => {
      const forged = ['-H', 'X-Forwarded-For: 127.0.0.1'];
      const fromElsewhere = ['--interface', '127.0.0.3', ...forged];
      const { url, key } = await offered();
      expect((await curl(url, [...fromElsewhere, ...key])).status).to.equal(401);
      await bus.close();
      await start({ trusted: ['127.0.0.3/32'] });
      const again = await offered();
      expect((await curl(again.url, [...fromElsewhere, ...again.key])).status).to.equal(200);
      const chain = ['--interface', '127.0.0.3', '-H', 'X-Forwarded-For: 127.0.0.1, 10.0.0.9'];
      expect((await curl(again.url, [...chain, ...again.key])).status, 'the nearest untrusted one counts').to.equal(
        401,
      );
    });

    it('a used endpoint - is gone, and one that never was is unknown', async () => {
      const { url, key, offer, handle } = await offered();
      await curl(url, key);
      taken(offer);
      await handle.receipt;
      const used = await curl(url, key);
      expect([used.status, used.headers['interserve-reason']]).to.deep.equal([410, 'gone']);
      for (const path of ['/', '/interserve/', '/interserve/../../../etc/passwd', '/interserve/%2e%2e/x', '/x']) {
        const { status } = await curl(`http://127.0.0.1:${bus.port}${path}`, ['--path-as-is', ...key]);
        expect(status, path).to.equal(404);
      }
      expect((await curl(`${url.slice(0, -5)}AAAAA`, key)).status).to.equal(404);
    });

    it('methods - that do not fit the endpoint get 405', async () => {
      const { url, key } = await offered();
      for (const method of ['DELETE', 'PATCH', 'OPTIONS', 'PUT', 'POST']) {
        const { status } = await curl(url, ['-X', method, ...key]);
        expect(status, method).to.equal(405);
      }
      bus.transfers.receive('map', () => {});
      const upload = await granted(1);
      expect((await curl(upload.url, upload.key)).status).to.equal(405);
    });

    it('a receipt with another hash - is no receipt', async () => {
      const { url, key, offer, handle } = await offered();
      await curl(url, key);
      bare.answer(offer.transfer, { ok: true, receipt: { bytes: 1, sha256: 'f'.repeat(64), resumed: 0 } });
      expect(await reasonOf(handle.receipt)).to.equal('mismatch');
    });
  });

  describe('uploads', () => {
    const digest = ['-H', `Repr-Digest: sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`];
    let got: unknown[];
    beforeEach(() => {
      got = [];
      bus.transfers.receive('map', (data) => {
        got.push(data);
      });
    });

    it('PUT and POST - hand over the body and answer with the receipt', async () => {
      for (const [number, args] of [
        ['-T', '-'],
        ['-X', 'POST', '--data-binary', '@-'],
      ].entries()) {
        const { url, key, answer } = await granted(number);
        const length = ['-H', `Content-Length: ${content.length}`, '-H', 'Transfer-Encoding:'];
        const { status, body } = await curl(
          url,
          [...args, ...(number === 0 ? length : []), ...digest, ...key],
          content,
        );
        expect(status).to.equal(200);
        expect(JSON.parse(body.toString())).to.deep.equal({ bytes: content.length, sha256, resumed: 0 });
        expect(await answer).to.deep.equal({ ok: true, receipt: { bytes: content.length, sha256, resumed: 0 } });
      }
      expect(got).to.deep.equal([content, content]);
    });

    it('the digest - may come over the bus instead, before or after the body', async () => {
      const { url, key, answer } = await granted(1);
      const answered = curl(url, ['--data-binary', '@-', '-X', 'PUT', ...key], content);
      await bare.send({ op: 'digest', way: 'up', transfer: 1, digest: { sha256, bytes: content.length } });
      expect((await answered).status).to.equal(200);
      expect(await answer).to.have.property('ok', true);
    });

    it('a wrong digest - gets 422, and the receiver nothing', async () => {
      const { url, key, answer } = await granted(1);
      const wrong = ['-H', `Repr-Digest: sha-256=:${Buffer.alloc(32).toString('base64')}:`];
      const { status, headers } = await curl(url, ['--data-binary', '@-', ...wrong, ...key], content);
      expect([status, headers['interserve-reason']]).to.deep.equal([422, 'mismatch']);
      expect(await answer).to.include({ ok: false, reason: 'mismatch' });
      expect(got).to.deep.equal([]);
      expect((await curl(url, ['--data-binary', '@-', ...digest, ...key], content)).status).to.equal(410);
    });

    it('a length that does not fit - is refused before the body and changes nothing', async () => {
      const { url, key, answer } = await granted(1);
      const longer = await curl(url, ['--data-binary', '@-', ...digest, ...key], Buffer.concat([content, content]));
      expect(longer.status).to.equal(413);
      const shorter = await curl(url, ['--data-binary', '@-', ...digest, ...key], content.subarray(1));
      expect([shorter.status, shorter.headers['interserve-reason']]).to.deep.equal([400, 'size']);
      expect((await curl(url, ['-X', 'PUT', ...key])).status, 'no body at all').to.equal(400);
      expect((await curl(url, ['--data-binary', '@-', ...digest, ...key], content)).status).to.equal(200);
      expect(await answer).to.have.property('ok', true);
    });

    for (const size of [1_000_000, 5_000_000]) {
      it(`a refusal - is read by who first writes all of ${size} bytes`, async () => {
        const path = `/interserve/${'0'.repeat(32)}/${'a'.repeat(22)}.${'b'.repeat(22)}`;
        const mine = await granted(1, { size });
        const used = await granted(2, { size });
        bare.send({ op: 'stop', way: 'up', transfer: 2, reason: 'aborted', message: 'no' }).catch(() => undefined);
        await used.answer;
        const ways: readonly (readonly [number, string, (string | undefined)?])[] = [
          [404, path],
          [401, new URL(mine.url).pathname],
          [410, new URL(used.url).pathname, used.key[1]],
          [413, new URL(mine.url).pathname, mine.key[1]],
        ];
        for (const [status, place, authorization = 'x: y'] of ways) {
          const seen = await Promise.all(
            Array.from({ length: 5 }, () => put(bus.port, place, authorization, size + 1)),
          );
          expect(seen, place).to.deep.equal(seen.map(() => String(status)));
        }
      });
    }

    it('a digest that differs from the one over the bus - gets 422', async () => {
      const { url, key } = await granted(1);
      await bare.send({ op: 'digest', way: 'up', transfer: 1, digest: { sha256, bytes: content.length } });
      const wrong = ['-H', `Repr-Digest: sha-256=:${Buffer.alloc(32).toString('base64')}:`];
      expect((await curl(url, ['--data-binary', '@-', ...wrong, ...key], content)).status).to.equal(422);
    });

    it('a chunked body - of another size than announced ends the upload', async () => {
      const chunked = ['-T', '-'];
      const longer = await granted(1);
      const answer = await curl(longer.url, [...chunked, ...longer.key], Buffer.concat([content, content]));
      expect(answer.status).to.be.oneOf([413, 0]);
      expect(await longer.answer).to.include({ ok: false, reason: 'large' });
      const shorter = await granted(2);
      expect((await curl(shorter.url, [...chunked, ...shorter.key], content.subarray(1))).status).to.equal(400);
      expect(await shorter.answer).to.include({ ok: false, reason: 'size' });
      expect(got).to.deep.equal([]);
    });

    it('an upload in two parts - goes on where HEAD says, and nowhere else', async () => {
      const { url, key, answer } = await granted(1);
      const half = connect(bus.port, '127.0.0.1');
      half.write(
        `PUT ${new URL(url).pathname} HTTP/1.1\r\nHost: x\r\n${key[1]}\r\nContent-Length: ${content.length}\r\n\r\n`,
      );
      half.write(content.subarray(0, 100_000));
      let offset = '0';
      while (offset !== '100000') offset = (await curl(url, ['-I', ...key])).headers['upload-offset'] ?? '';
      half.destroy();
      const wrong = await curl(
        url,
        ['--data-binary', '@-', '-H', 'Upload-Offset: 5', ...digest, ...key],
        content.subarray(5),
      );
      expect([wrong.status, wrong.headers['upload-offset']]).to.deep.equal([409, '100000']);
      const rest = ['--data-binary', '@-', '-H', 'Upload-Offset: 100000', ...digest, ...key];
      const { status, body } = await curl(url, rest, content.subarray(100_000));
      expect(status).to.equal(200);
      expect(JSON.parse(body.toString())).to.deep.equal({ bytes: content.length, sha256, resumed: 1 });
      expect(await answer).to.have.property('ok', true);
      expect(got).to.deep.equal([content]);
    });

    it('an encoded body - is decoded, and counted decoded', async () => {
      const gzip = ['--data-binary', '@-', '-H', 'Content-Encoding: gzip'];
      const { url, key } = await granted(1);
      expect((await curl(url, [...gzip, ...digest, ...key], gzipSync(content))).status).to.equal(200);
      expect(got).to.deep.equal([content]);
      const bomb = await granted(2, { size: 1000 });
      expect((await curl(bomb.url, [...gzip, ...bomb.key], gzipSync(Buffer.alloc(50_000_000)))).status).to.equal(413);
      const broken = await granted(3);
      expect((await curl(broken.url, [...gzip, ...broken.key], content)).status).to.equal(400);
      const unknown = await granted(4);
      const odd = ['--data-binary', '@-', '-H', 'Content-Encoding: rot13', ...unknown.key];
      const refused = await curl(unknown.url, odd, content);
      expect([refused.status, refused.headers['accept-encoding']?.includes('gzip')]).to.deep.equal([415, true]);
      expect(await bomb.answer).to.include({ reason: 'large' });
      expect(await broken.answer).to.include({ reason: 'malformed' });
    });

    it('an unknown length - is taken up to the limit of its id', async () => {
      bus.transfers.add('map', { size: 1000 });
      const within = await granted(1, {});
      const small = Buffer.alloc(1000, 1);
      const hash = createHash('sha256').update(small).digest('base64');
      const args = ['-T', '-', '-H', `Content-Digest: sha-256=:${hash}:`];
      expect((await curl(within.url, [...args, ...within.key], small)).status).to.equal(200);
      const beyond = await granted(2, {});
      expect((await curl(beyond.url, ['-T', '-', ...beyond.key], Buffer.alloc(1001))).status).to.be.oneOf([413, 0]);
      expect(await beyond.answer).to.include({ reason: 'large' });
      const { answer } = bare.ask(3, 'map', 1001);
      expect(await answer).to.include({ ok: false, reason: 'large' });
    });

    it('Expect: 100-continue - is answered with leave, or with the refusal instead', async () => {
      const { url, key } = await granted(1);
      const expecting = ['--expect100-timeout', '10', '-H', 'Expect: 100-continue', '--data-binary', '@-'];
      expect((await curl(url, [...expecting, ...withKey('no')], content)).status).to.equal(401);
      expect((await curl(url, [...expecting, ...digest, ...key], content)).status).to.equal(200);
    });

    it('control messages that cannot be read - are reported and disturb nothing', async () => {
      for (const message of [{ op: 'boom' }, { op: 'stop', way: 'up', transfer: -1 }, [1, 2, 3]])
        await bare.send(message);
      await bare.send({ op: 'stop', way: 'up', transfer: 99, reason: 'aborted', message: '' });
      await bare.send({ op: 'digest', way: 'down', transfer: 1, digest: { sha256, bytes: 1 } });
      const { url, key, answer } = await granted(1);
      expect((await curl(url, ['--data-binary', '@-', ...digest, ...key], content)).status).to.equal(200);
      expect(await answer).to.have.property('ok', true);
      const codes = bus.errors.splice(0).map((error) => error instanceof Error && 'code' in error && error.code);
      expect(codes).to.deep.equal(['ERR_PROTOCOL', 'ERR_PROTOCOL', 'ERR_PROTOCOL']);
    });

    it('a number in use - is refused', async () => {
      await granted(1);
      expect(await bare.ask(1, 'map', 1).answer).to.include({ ok: false, reason: 'malformed' });
    });
  });

  describe('time and load', () => {
    it('an offer nobody comes for - expires, and both sides are told', async () => {
      await bus.close();
      await start({ timeout: 1 });
      const { handle, url, key, offer } = await offered();
      expect(await reasonOf(handle.receipt)).to.equal('expired');
      expect(await bare.next('stop', offer.transfer)).to.include({ reason: 'expired' });
      expect((await curl(url, key)).status).to.equal(410);
    });

    it('a body that never comes - is answered 408 and leaves nothing', async () => {
      await bus.close();
      await start({ timeout: 1 });
      bus.transfers.receive('map', () => {});
      const { url, key, answer } = await granted(1);
      const socket = connect(bus.port, '127.0.0.1');
      socket.write(
        `PUT ${new URL(url).pathname} HTTP/1.1\r\nHost: x\r\n${key[1]}\r\nContent-Length: ${content.length}\r\n\r\nx`,
      );
      expect(await text(socket)).to.match(/^HTTP\/1\.1 408 /);
      expect(await answer).to.include({ ok: false, reason: 'stalled' });
      expect(bus.records.map(({ outcome }) => outcome)).to.deep.equal(['stalled']);
    });

    it('headers - too large are answered 431, and malformed ones 400', async () => {
      const { url, key } = await offered();
      expect((await curl(url, ['-H', `X-Long: ${'x'.repeat(20_000)}`, ...key])).status).to.equal(431);
      const socket = connect(bus.port, '127.0.0.1');
      socket.end('GET\0/ HTTP/9\r\n\r\n');
      expect(await text(socket)).to.match(/^HTTP\/1\.1 400 /);
    });

    it('more than may wait - is refused with 429', async () => {
      await bus.close();
      await start({ waiting: 300_000 });
      const first = await offered();
      expect(await reasonOf(bus.transfers.send('map', content, peer).receipt)).to.equal('busy');
      bus.transfers.receive('map', () => {});
      expect(await bare.ask(1, 'map', 200_000).answer).to.include({ ok: false, reason: 'busy' });
      first.handle.abort();
      await reasonOf(first.handle.receipt);
      await new Promise(setImmediate);
      await offered();
    });

    it('more than move at once - wait for their turn', async () => {
      await bus.close();
      await start({ transfers: 1 });
      const first = await offered();
      const second = bus.transfers.send('map', content, peer);
      const next = bare.offer();
      expect(await Promise.race([next, bus.transfers.send('map', 'x', []).receipt])).to.deep.equal([]);
      await curl(first.url, first.key);
      taken(first.offer);
      const { place } = await next;
      expect(place.path).to.not.equal(first.offer.place.path);
      second.abort();
    });

    it('a transfer without a turn - expires, and both sides are told', async () => {
      await bus.close();
      await start({ transfers: 1, timeout: 1 });
      bus.transfers.receive('map', () => {});
      const source = new PassThrough();
      source.write('x');
      const first = await offered(source);
      const drip = setInterval(() => source.write('x'), 200);
      const reading = curl(first.url, first.key);
      expect(await reasonOf(bus.transfers.send('map', content, peer).receipt)).to.equal('expired');
      expect(await bare.ask(1, 'map', 1).answer).to.include({ ok: false, reason: 'expired' });
      clearInterval(drip);
      first.handle.abort();
      await reading;
      expect(bus.records.map(({ outcome }) => outcome)).to.deep.equal(['expired', 'expired', 'aborted']);
    });

    it('a handshake that never decides - expires, and both sides are told', async () => {
      await bus.close();
      await start({ timeout: 1 });
      bus.transfers.receive('map', () => {});
      bus.transfers.handshake('map', () => new Promise<never>(() => {}));
      expect(await bare.ask(1, 'map', 1).answer).to.include({ ok: false, reason: 'expired' });
    });

    it('an interrupt that never decides - expires, and the request is answered', async () => {
      await bus.close();
      await start({ timeout: 1 });
      bus.transfers.interrupt('map', () => new Promise<never>(() => {}));
      const { handle, url, key } = await offered();
      expect(await curl(url, key)).to.include({ status: 410 });
      expect(await reasonOf(handle.receipt)).to.equal('expired');
    });

    it('one peer - never has every turn', async () => {
      await bus.close();
      await start({ transfers: 2 });
      await offered();
      const waits = bus.transfers.send('map', content, peer);
      const other = await bus.connect();
      other.transfers.receive('map', () => {});
      expect(await bus.transfers.send('map', content, other.peer).receipt).to.include({ bytes: content.length });
      waits.abort();
      expect(await reasonOf(waits.receipt)).to.equal('aborted');
    });

    it('the rate of a peer - holds over all of its transfers', async () => {
      await bus.close();
      await start({ rate: 400_000 });
      const both = [await offered(), await offered()];
      const startedAt = performance.now();
      await Promise.all(both.map(({ url, key }) => curl(url, key)));
      expect(performance.now() - startedAt).to.be.within(750, 5_000);
    });

    it('a rate that makes a chunk last longer than the timeout - stalls no upload', async () => {
      await bus.close();
      await start({ rate: 40_000, timeout: 1 });
      bus.transfers.receive('map', () => {});
      const part = content.subarray(0, 80_000);
      const { url, key, answer } = await granted(1, { size: part.length });
      const startedAt = performance.now();
      const answered = curl(url, ['--data-binary', '@-', '-X', 'PUT', ...key], part);
      const digest = { sha256: createHash('sha256').update(part).digest('hex'), bytes: part.length };
      await bare.send({ op: 'digest', way: 'up', transfer: 1, digest });
      expect((await answered).status).to.equal(200);
      expect(await answer).to.have.property('ok', true);
      expect(performance.now() - startedAt).to.be.above(1800);
    });
  });
});
