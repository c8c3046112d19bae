import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { until } from '../../../support/buses.ts';
import { type BareBus, eachBareBus, content, digest, sha256 } from '../support/bare-bus.ts';
import type { BareClient } from '../support/bare-client.ts';
import { curl, withKey } from '../support/curl.ts';
import type { TransferBus } from '../support/transfer-bus.ts';

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

describe('interserve uploads over HTTP', () => {
  let rig: BareBus;
  let bus: TransferBus;
  let bare: BareClient;

  eachBareBus((started) => {
    rig = started;
    ({ bus, bare } = rig);
  });

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
      const { url, key, answer } = await rig.granted(number);
      const length = ['-H', `Content-Length: ${content.length}`, '-H', 'Transfer-Encoding:'];
      const { status, body } = await curl(url, [...args, ...(number === 0 ? length : []), ...digest, ...key], content);
      expect(status).to.equal(200);
      expect(JSON.parse(body.toString())).to.deep.equal({ bytes: content.length, sha256, resumed: 0 });
      expect(await answer).to.deep.equal({ ok: true, receipt: { bytes: content.length, sha256, resumed: 0 } });
    }
    expect(got).to.deep.equal([content, content]);
  });

  it('the digest - may come over the bus instead, before or after the body', async () => {
    const { url, key, answer } = await rig.granted(1);
    const answered = curl(url, ['--data-binary', '@-', '-X', 'PUT', ...key], content);
    await bare.send({ op: 'digest', way: 'up', transfer: 1, digest: { sha256, bytes: content.length } });
    expect((await answered).status).to.equal(200);
    expect(await answer).to.have.property('ok', true);
  });

  it('a wrong digest - gets 422, and the receiver nothing', async () => {
    const { url, key, answer } = await rig.granted(1);
    const wrong = ['-H', `Repr-Digest: sha-256=:${Buffer.alloc(32).toString('base64')}:`];
    const { status, headers } = await curl(url, ['--data-binary', '@-', ...wrong, ...key], content);
    expect([status, headers['interserve-reason']]).to.deep.equal([422, 'mismatch']);
    expect(await answer).to.include({ ok: false, reason: 'mismatch' });
    expect(got).to.deep.equal([]);
    expect((await curl(url, ['--data-binary', '@-', ...digest, ...key], content)).status).to.equal(410);
  });

  it('a length that does not fit - is refused before the body and changes nothing', async () => {
    const { url, key, answer } = await rig.granted(1);
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
      const mine = await rig.granted(1, { size });
      const used = await rig.granted(2, { size });
      bare.send({ op: 'stop', way: 'up', transfer: 2, reason: 'aborted', message: 'no' }).catch(() => undefined);
      await used.answer;
      const ways: readonly (readonly [number, string, (string | undefined)?])[] = [
        [404, path],
        [401, new URL(mine.url).pathname],
        [410, new URL(used.url).pathname, used.key[1]],
        [413, new URL(mine.url).pathname, mine.key[1]],
      ];
      for (const [status, place, authorization = 'x: y'] of ways) {
        const seen = await Promise.all(Array.from({ length: 5 }, () => put(bus.port, place, authorization, size + 1)));
        expect(seen, place).to.deep.equal(seen.map(() => String(status)));
      }
    });
  }

  it('a digest that differs from the one over the bus - gets 422', async () => {
    const { url, key } = await rig.granted(1);
    await bare.send({ op: 'digest', way: 'up', transfer: 1, digest: { sha256, bytes: content.length } });
    const wrong = ['-H', `Repr-Digest: sha-256=:${Buffer.alloc(32).toString('base64')}:`];
    expect((await curl(url, ['--data-binary', '@-', ...wrong, ...key], content)).status).to.equal(422);
  });

  it('a chunked body - of another size than announced ends the upload', async () => {
    const chunked = ['-T', '-'];
    const longer = await rig.granted(1);
    const answer = await curl(longer.url, [...chunked, ...longer.key], Buffer.concat([content, content]));
    expect(answer.status).to.be.oneOf([413, 0]);
    expect(await longer.answer).to.include({ ok: false, reason: 'large' });
    const shorter = await rig.granted(2);
    expect((await curl(shorter.url, [...chunked, ...shorter.key], content.subarray(1))).status).to.equal(400);
    expect(await shorter.answer).to.include({ ok: false, reason: 'size' });
    expect(got).to.deep.equal([]);
  });

  it('an upload in two parts - goes on where HEAD says, and nowhere else', async () => {
    const { url, key, answer } = await rig.granted(1);
    const half = connect(bus.port, '127.0.0.1');
    half.write(
      `PUT ${new URL(url).pathname} HTTP/1.1\r\nHost: x\r\n${key[1]}\r\nContent-Length: ${content.length}\r\n\r\n`,
    );
    half.write(content.subarray(0, 100_000));
    let offset: string | undefined;
    await until(
      async () => {
        offset = (await curl(url, ['-I', ...key])).headers['upload-offset'];
        return offset === '100000';
      },
      () => `the first half, the offset is ${offset}`,
    );
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
    const { url, key } = await rig.granted(1);
    expect((await curl(url, [...gzip, ...digest, ...key], gzipSync(content))).status).to.equal(200);
    expect(got).to.deep.equal([content]);
    const bomb = await rig.granted(2, { size: 1000 });
    expect((await curl(bomb.url, [...gzip, ...bomb.key], gzipSync(Buffer.alloc(50_000_000)))).status).to.equal(413);
    const broken = await rig.granted(3);
    expect((await curl(broken.url, [...gzip, ...broken.key], content)).status).to.equal(400);
    const unknown = await rig.granted(4);
    const odd = ['--data-binary', '@-', '-H', 'Content-Encoding: rot13', ...unknown.key];
    const refused = await curl(unknown.url, odd, content);
    expect([refused.status, refused.headers['accept-encoding']?.includes('gzip')]).to.deep.equal([415, true]);
    expect(await bomb.answer).to.include({ reason: 'large' });
    expect(await broken.answer).to.include({ reason: 'malformed' });
  });

  it('an unknown length - is taken up to the limit of its id', async () => {
    bus.transfers.add('map', { size: 1000 });
    const within = await rig.granted(1, {});
    const small = Buffer.alloc(1000, 1);
    const hash = createHash('sha256').update(small).digest('base64');
    const args = ['-T', '-', '-H', `Content-Digest: sha-256=:${hash}:`];
    expect((await curl(within.url, [...args, ...within.key], small)).status).to.equal(200);
    const beyond = await rig.granted(2, {});
    expect((await curl(beyond.url, ['-T', '-', ...beyond.key], Buffer.alloc(1001))).status).to.be.oneOf([413, 0]);
    expect(await beyond.answer).to.include({ reason: 'large' });
    const { answer } = bare.ask(3, 'map', 1001);
    expect(await answer).to.include({ ok: false, reason: 'large' });
  });

  it('Expect: 100-continue - is answered with leave, or with the refusal instead', async () => {
    const { url, key } = await rig.granted(1);
    const expecting = ['--expect100-timeout', '10', '-H', 'Expect: 100-continue', '--data-binary', '@-'];
    expect((await curl(url, [...expecting, ...withKey('no')], content)).status).to.equal(401);
    expect((await curl(url, [...expecting, ...digest, ...key], content)).status).to.equal(200);
  });

  it('control messages that cannot be read - are reported and disturb nothing', async () => {
    for (const message of [{ op: 'boom' }, { op: 'stop', way: 'up', transfer: -1 }, [1, 2, 3]])
      await bare.send(message);
    await bare.send({ op: 'stop', way: 'up', transfer: 99, reason: 'aborted', message: '' });
    await bare.send({ op: 'digest', way: 'down', transfer: 1, digest: { sha256, bytes: 1 } });
    const { url, key, answer } = await rig.granted(1);
    expect((await curl(url, ['--data-binary', '@-', ...digest, ...key], content)).status).to.equal(200);
    expect(await answer).to.have.property('ok', true);
    const codes = bus.errors.splice(0).map((error) => error instanceof Error && 'code' in error && error.code);
    expect(codes).to.deep.equal(['ERR_PROTOCOL', 'ERR_PROTOCOL', 'ERR_PROTOCOL']);
  });

  it('a number in use - is refused', async () => {
    await rig.granted(1);
    expect(await bare.ask(1, 'map', 1).answer).to.include({ ok: false, reason: 'malformed' });
  });
});
