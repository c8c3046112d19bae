import { constants, deflateRawSync } from 'node:zlib';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { hello, offer, packet, Stranger, tag } from '../support/stranger.ts';
import { figure } from './figures.ts';
import { type Program, Stage } from './process.ts';

/** What `programs/vitals.ts` measures. */
interface Vitals {
  readonly residentBytes: number;
  readonly blockedMs: number;
  readonly errors: readonly string[];
  /** What the server read of the links since it was asked to watch. */
  readonly readBytes: number;
  /** How many of those links are open. */
  readonly open: number;
}

const mebibyte = 1_048_576;
const maxMessageBytes = 16 * mebibyte;
const inMiB = (bytes: number): number => Math.round((bytes / mebibyte) * 10) / 10;
const open = { compress: true };

/** Deflated zeros of about `bytes`, a thousand times as many when they are inflated. */
function bomb(bytes: number): Buffer {
  // Behind a flush, and with nothing but zeros before it, the same piece follows itself any number of times.
  const piece = deflateRawSync(Buffer.alloc(mebibyte), { finishFlush: constants.Z_SYNC_FLUSH });
  return Buffer.concat(Array<Buffer>(Math.max(1, Math.round(bytes / piece.length))).fill(piece));
}

describe('bombs', () => {
  let stage: Stage;
  let server: Program;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  /** Lets `attack` at the server; what that did to it. What every first link costs was spent before. */
  async function struck(attack: (stranger: Stranger) => unknown, isAnswered = true): Promise<Vitals> {
    for (const first of [hello(), hello(open)]) {
      const stranger = await Stranger.at({ path: stage.path('s') });
      stranger.send(Buffer.concat([first, packet(first.includes('true') ? deflateRawSync('{"t":99}') : { t: 99 })]));
      if (isAnswered) await stranger.told(1);
      stranger.socket.destroy();
      await stranger.closed;
    }
    await server.ask({ ask: 'watch' });
    const stranger = await Stranger.at({ path: stage.path('s') });
    await attack(stranger);
    await stranger.closed;
    return server.ask<Vitals>({ ask: 'vitals' });
  }

  for (const [name, bytes] of [
    ['1 KB', 1_000],
    ['100 KB', 100_000],
    ['1 MB', 1_000_000],
    ['4 MB', 4_000_000],
  ] as const) {
    it(`a deflate bomb of ${name} - costs twice a message at most, blocks for less than 100 ms, and is closed`, async () => {
      server = await stage.program('server', { options: { path: stage.path('s') } });
      const {
        residentBytes,
        blockedMs,
        errors,
        open: left,
      } = await struck((stranger) => {
        stranger.send(Buffer.concat([hello(open), packet(bomb(bytes))]));
      });
      figure('10', { bomb: name, residentMiB: inMiB(residentBytes), blockedMs, errors: errors.join() });
      expect(errors).to.deep.equal([bytes > 10_000 ? 'ERR_TOO_LARGE' : 'ERR_PROTOCOL']);
      expect(left).to.equal(0);
      expect(residentBytes).to.be.at.most(2 * maxMessageBytes);
      expect(blockedMs).to.be.below(100);
    });
  }

  it('records that inflate beyond their size - cost little, block for less than 100 ms, and are closed', async () => {
    server = await stage.program('server', { options: { path: stage.path('s') } });
    const body = bomb(60_000);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length + 0x8000_0000);
    const { residentBytes, blockedMs, errors } = await struck((stranger) => {
      stranger.send(Buffer.concat([hello({ ...open, busbar: offer }), head, body]));
    });
    figure('10', { bomb: 'native record', residentMiB: inMiB(residentBytes), blockedMs, errors: errors.join() });
    expect(errors).to.deep.equal(['ERR_TOO_LARGE']);
    expect(residentBytes).to.be.at.most(4 * mebibyte);
    expect(blockedMs).to.be.below(100);
  });

  for (const [name, undecided, first] of [
    ['1 GiB announced', false, Buffer.concat([Buffer.from('IPC'), tag(1 << 30)])],
    ['a hello and no end of messages', true, hello()],
    ['a web page head without an end', false, Buffer.from('GET / HTTP/1.1\r\nx: ')],
  ] as const) {
    it(`${name}, by one who is not authorised - is closed at 64 KiB and costs less than 2 MB`, async () => {
      server = await stage.program('server', { options: { path: stage.path('s') }, undecided });
      const block = Buffer.alloc(65_536, 0x20);
      const {
        residentBytes,
        errors,
        readBytes,
        open: left,
      } = await struck(async (stranger) => {
        stranger.send(first);
        for (let sent = 0; !stranger.socket.destroyed && sent < 700_000_000; sent += block.length) {
          if (!stranger.send(block)) await Promise.race([stranger.drained(), stranger.closed]);
        }
      }, !undecided);
      figure('11', { name, residentMiB: inMiB(residentBytes), readKiB: Math.round(readBytes / 1_024) });
      expect(errors).to.deep.equal(['ERR_TOO_LARGE']);
      expect(left).to.equal(0);
      // The system reads 64 KiB at a time, and once more before it heeds the close.
      expect(readBytes).to.be.at.most(4 * 65_536);
      expect(residentBytes).to.be.below(2 * mebibyte);
    });
  }

  const levels = 5_000_000;
  const nested: readonly { name: string; codec: object; mostMiB: number; body: () => Buffer }[] = [
    {
      name: 'JSON',
      codec: {},
      mostMiB: 19,
      body: () => Buffer.from(`{"t":1,"d":${'['.repeat(levels)}${']'.repeat(levels)}}`),
    },
    {
      name: 'JSON with a text before it',
      codec: {},
      mostMiB: 19,
      body: () => Buffer.from(`{"t":1,"e":"${'x'.repeat(levels)}","d":${'['.repeat(levels)}}`),
    },
    {
      name: 'MessagePack',
      codec: { messagepack: true },
      // It is joined before it is looked through.
      mostMiB: 24,
      body: () =>
        Buffer.concat([Buffer.from('82a17401a164', 'hex'), Buffer.alloc(2 * levels, 0x91), Buffer.from([0xc0])]),
    },
  ];
  for (const { name, codec, mostMiB, body } of nested) {
    it(`${name} of 10 MB, nested five million deep - is refused at depth 64, in 20 ms and ${mostMiB} MiB`, async () => {
      server = await stage.program('server', { options: { path: stage.path('s') } });
      const bytes = packet(body());
      const { residentBytes, blockedMs, errors } = await struck((stranger) => {
        stranger.send(hello(codec));
        stranger.send(bytes);
      });
      figure('12', { name, residentMiB: inMiB(residentBytes), blockedMs });
      expect(errors).to.deep.equal(['ERR_PROTOCOL']);
      expect(residentBytes).to.be.below(mostMiB * mebibyte);
      expect(blockedMs).to.be.below(20);
    });
  }
});
