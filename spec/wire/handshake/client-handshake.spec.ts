import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BusError } from '../../../lib/base/errors.ts';
import type { ClientHello, ServerHello } from '../../../lib/wire/handshake/hello.ts';
import { ClientHandshake } from '../../../lib/wire/handshake/client-handshake.ts';
import { acceptHello, refusal } from '../../../lib/wire/handshake/refusal.ts';
import { upgradeAnswer } from '../../../lib/wire/handshake/upgrade.ts';

const hello: ClientHello = { compress: false, messagepack: true, extras: { a: 'é' }, id: null };
const answer: ServerHello = { id: 'server-made', compress: false, messagepack: true };
const http = { host: 'example.org:80', path: '/bus' };
const packet = `Q{"t":0,"d":{"compress":false,"messagepack":true,"extras":{"a":"Ã©"},"id":null}}`;

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function codeOf(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    if (error instanceof BusError) return error.code;
    throw error;
  }
  return 'none';
}

/** What comes of `bytes`, `step` of them at a time. */
function feed(opening: ClientHandshake, bytes: Uint8Array, step = bytes.length): unknown[] {
  const results: unknown[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    const result = opening.feed(bytes.subarray(at, at + step));
    if (!result) continue;
    if (result.type === 'refused') results.push(result.refusal);
    else if (result.type === 'open') results.push({ hello: result.hello, rest: text(result.rest) });
    else results.push(text(result.bytes));
    if (result.type !== 'write') break;
  }
  return results;
}

describe('client opening', () => {
  it('begins with the tag and the hello in one piece', () => {
    const start = text(new ClientHandshake({ hello }).start());
    expect(start.slice(0, 3)).to.equal('IPC');
    expect(start.charCodeAt(3)).to.equal(0x80 + start.length - 4);
    expect(start.slice(4)).to.equal(packet.slice(1));
  });

  it('begins with a whole HTTP request, and sends the hello without the tag when it is upgraded', () => {
    for (const step of [1, 1_000]) {
      const opening = new ClientHandshake({ hello, http });
      expect(text(opening.start())).to.equal(
        'GET /bus HTTP/1.1\r\nHost: example.org:80\r\nConnection: Upgrade\r\nUpgrade: net-ipc\r\n\r\n',
      );
      const [written] = feed(opening, upgradeAnswer(), step);
      expect(String(written).slice(1)).to.equal(packet.slice(1));
      expect(feed(opening, acceptHello(answer), step)).to.deep.equal([{ hello: answer, rest: '' }]);
    }
  });

  it('opens with the answer, cut anywhere, and hands over what follows', () => {
    const bytes = Buffer.concat([acceptHello(answer), Buffer.from('rest')]);
    expect(feed(new ClientHandshake({ hello }), bytes)).to.deep.equal([{ hello: answer, rest: 'rest' }]);
    expect(feed(new ClientHandshake({ hello }), bytes, 1)).to.deep.equal([{ hello: answer, rest: '' }]);
  });

  it('reads the bytes that net-ipc 2.2.2 answers', () => {
    const bytes = Buffer.from('\xb9{"t":0,"d":{"id":"x1","compress":true,"messagepack":false}}', 'latin1');
    bytes[0] = 0x80 + bytes.length - 1;
    const offered = { ...hello, compress: true };
    expect(feed(new ClientHandshake({ hello: offered }), bytes, 5)).to.deep.equal([
      { hello: { id: 'x1', compress: true, messagepack: false }, rest: '' },
    ]);
  });

  it('reads the offer of a server that has one', () => {
    const busbar = {
      version: 1,
      features: ['records'],
      maxFrameBytes: 1_024,
      process: { pid: 7, start: 0, place: 'here' },
      token: 'AAAA',
      outcome: 'resumed',
      received: 7,
      graceMs: 120_000,
    } as const;
    const offer = { versions: [1], features: ['records', 'other'], maxFrameBytes: 1_024 };
    const offered: ClientHello = { ...hello, busbar: offer };
    expect(feed(new ClientHandshake({ hello: offered }), acceptHello({ ...answer, busbar }))).to.deep.equal([
      { hello: { ...answer, busbar }, rest: '' },
    ]);
    for (const wrong of [
      { outcome: 'maybe' },
      { version: -1 },
      { token: '' },
      { received: 0.5 },
      { graceMs: '1' },
      { process: 7 },
      { features: ['unasked'] },
      { contracts: ['0123456789abcdef'] },
    ]) {
      const bytes = acceptHello({ ...answer, busbar: { ...busbar, ...wrong } as typeof busbar });
      expect(codeOf(() => feed(new ClientHandshake({ hello: offered }), bytes))).to.equal('ERR_PROTOCOL');
    }
  });

  it('tells how it was refused', () => {
    const offered: ClientHello = { ...hello, busbar: { versions: [1], features: [], maxFrameBytes: 1 } };
    const bytes = refusal('ERR_UNAUTHORIZED', 'go away', false, offered);
    expect(feed(new ClientHandshake({ hello: offered }), bytes, 1)).to.deep.equal([
      { code: 'ERR_UNAUTHORIZED', reason: 'go away', allowReconnect: false },
    ]);
    expect(feed(new ClientHandshake({ hello }), refusal('ERR_SERVER_FULL', 'full', true))).to.deep.equal([
      { code: 'ERR_SERVER_FULL', reason: 'full', allowReconnect: true },
    ]);
  });

  it('refuses to begin with a payload JSON has no text for, or a host that would end the line', () => {
    const circular: unknown[] = [];
    circular.push(circular);
    expect(codeOf(() => new ClientHandshake({ hello: { ...hello, extras: circular } }).start())).to.equal(
      'ERR_UNENCODABLE',
    );
    for (const wrong of [
      { host: 'a\r\nX: y', path: '/' },
      { host: 'a', path: '/ HTTP/1.1\r\n' },
      { host: '', path: '/' },
    ]) {
      expect(codeOf(() => new ClientHandshake({ hello, http: wrong }).start())).to.equal('ERR_INVALID_ARGUMENT');
    }
  });

  for (const start of [
    "HTTP/1.1 418 I'm a Teapot",
    'HTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 404',
    'HTTP/2',
    '<html>',
    '\x81',
    `${text(upgradeAnswer())}x`,
  ]) {
    it(`refuses ${JSON.stringify(start.slice(-30))} as the answer to an upgrade, without waiting for more`, () => {
      const opening = new ClientHandshake({ hello, http });
      expect(codeOf(() => opening.feed(Buffer.from(start, 'latin1')))).to.equal('ERR_PROTOCOL');
    });
  }

  it('refuses what is no answer, and more than the limit', () => {
    const fed = (start: string) => codeOf(() => new ClientHandshake({ hello }).feed(Buffer.from(start, 'latin1')));
    for (const start of ['\x80', '\x82{}', '\x87{"t":1}', 'HTTP/1.1 400 Bad Request', '\x8f{"t":0,"d":{}}xx']) {
      expect(fed(start), start).to.equal('ERR_PROTOCOL');
    }
    expect(fed('\x7f\x7f\x7f\xff')).to.equal('ERR_TOO_LARGE');
    const opening = new ClientHandshake({ hello, http, limits: { maxBytes: 100 } });
    expect(codeOf(() => opening.feed(Buffer.from('HTTP/1.1 101 '.padEnd(101, 'x'))))).to.equal('ERR_TOO_LARGE');
  });

  it('answers arbitrary bytes with nothing but a BusError', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 6 }), fc.boolean(), (parts, upgrading) => {
        const opening = new ClientHandshake({ hello, http: upgrading && http, limits: { maxBytes: 100 } });
        try {
          for (const part of parts) if (opening.feed(part)) break;
        } catch (error) {
          expect(error).to.be.instanceOf(BusError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
