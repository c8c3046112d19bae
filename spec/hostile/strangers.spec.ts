import { expect } from 'chai';
import { it } from 'mocha';
import { createDeflateRaw, constants, deflateRawSync } from 'node:zlib';
import type { Client, Server, ServerOptions } from '../../lib/index.ts';
import { type Bus, contract, native, next, sleep, turn, until } from '../support/buses.ts';
import { frame, hello, offer, packet, Stranger, tag } from '../support/stranger.ts';

/** Numbers as good as any, the same each time. */
function* noise(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 24;
  }
}

function noiseBytes(seed: number, count: number): Buffer {
  const source = noise(seed);
  return Buffer.from(Array.from({ length: count }, () => source.next().value as number));
}

/** Resolves when the server has but one socket left: what was sent on the others has been read. */
async function emptied(server: Server): Promise<void> {
  const { server: listening } = server;
  for (let sockets = 0; sockets !== 1; ) {
    await turn();
    sockets = await new Promise((resolve) => listening?.getConnections((_, count) => resolve(count)));
  }
}

const where = (bus: Bus) => (bus.kind === 'unix' ? { path: bus.path } : { port: bus.port });
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const deepBody = (levels: number): Buffer => packet(Buffer.from(`{"t":1,"d":${deep(levels)}}`));
const deflated = (bytes: Buffer): Promise<Buffer> =>
  new Promise((resolve) => {
    const stream = createDeflateRaw({ finishFlush: constants.Z_SYNC_FLUSH });
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => resolve(Buffer.concat(parts)));
    stream.end(bytes);
  });
const open = { compress: true };
const zeros = Buffer.alloc(64 << 20);

/** What a stranger sends, in pieces, and the codes that may come of it. */
const cases: readonly { name: string; bytes: () => readonly (Buffer | string)[]; codes: readonly string[] }[] = [
  { name: 'a request for a web page', bytes: () => ['GET / HTTP/1.1\r\nHost: x\r\n\r\n'], codes: ['ERR_PROTOCOL'] },
  { name: 'the start of one', bytes: () => ['GET'], codes: ['ERR_TIMEOUT'] },
  { name: 'another method', bytes: () => ['POST / HTTP/1.1\r\n'], codes: ['ERR_PROTOCOL'] },
  {
    name: 'a web page head without an end',
    bytes: () => [`GET / HTTP/1.1\r\nx: ${'y'.repeat(100_000)}`],
    codes: ['ERR_TOO_LARGE'],
  },
  { name: 'half a tag', bytes: () => ['IP'], codes: ['ERR_TIMEOUT'] },
  { name: 'half a hello', bytes: () => [hello().subarray(0, 20)], codes: ['ERR_TIMEOUT'] },
  { name: 'an announced GiB', bytes: () => ['IPC', tag(1 << 30)], codes: ['ERR_TOO_LARGE'] },
  { name: 'an absurd length', bytes: () => ['IPC', Buffer.alloc(12, 0x7f)], codes: ['ERR_PROTOCOL', 'ERR_TOO_LARGE'] },
  { name: 'a hello that is no JSON', bytes: () => ['IPC', packet(Buffer.from('{"t":0,'))], codes: ['ERR_PROTOCOL'] },
  { name: 'a hello of another type', bytes: () => ['IPC', packet({ t: 1, d: 'x' })], codes: ['ERR_PROTOCOL'] },
  { name: 'a hello without members', bytes: () => ['IPC', packet({ t: 0, d: 5 })], codes: ['ERR_PROTOCOL'] },
  {
    name: 'a hello nested deeply',
    bytes: () => ['IPC', packet(Buffer.from(`{"t":0,"d":${deep(20_000)}}`))],
    codes: ['ERR_PROTOCOL'],
  },
  {
    name: 'an offer of no version',
    bytes: () => [hello({ busbar: { ...offer, versions: [] } })],
    codes: ['ERR_PROTOCOL'],
  },
  { name: 'a second hello', bytes: () => [hello(), packet({ t: 0, d: {} })], codes: ['ERR_PROTOCOL'] },
  { name: 'a body that is no JSON', bytes: () => [hello(), packet(Buffer.from('nonsense'))], codes: ['ERR_PROTOCOL'] },
  { name: 'an empty body', bytes: () => [hello(), tag(0)], codes: ['ERR_PROTOCOL'] },
  { name: 'a body that is no packet', bytes: () => [hello(), packet(5)], codes: ['ERR_PROTOCOL'] },
  { name: 'a request without a nonce', bytes: () => [hello(), packet({ t: 2, d: 1 })], codes: ['ERR_PROTOCOL'] },
  { name: 'deep JSON', bytes: () => [hello(), deepBody(100_000)], codes: ['ERR_PROTOCOL'] },
  {
    name: 'a GiB announced later',
    bytes: () => [hello(), tag(1 << 30), Buffer.alloc(1 << 20)],
    codes: ['ERR_TOO_LARGE'],
  },
  {
    name: 'bytes that are no deflate',
    bytes: () => [hello(open), packet(noiseBytes(5, 200))],
    codes: ['ERR_PROTOCOL', 'ERR_TOO_LARGE'],
  },
  {
    name: 'a deflate bomb',
    bytes: () => [hello(open), packet(deflateRawSync(zeros))],
    codes: ['ERR_TOO_LARGE', 'ERR_PROTOCOL'],
  },
  {
    name: 'MessagePack that announces millions',
    bytes: () => [hello({ messagepack: true }), packet(Buffer.from('ddffffffff', 'hex'))],
    codes: ['ERR_PROTOCOL'],
  },
  {
    name: 'a lane without a name',
    bytes: () => [hello({ busbar: offer }), frame(1, 2, 7, 0, '\x01')],
    codes: ['ERR_PROTOCOL'],
  },
  {
    name: 'a frame of no known type',
    bytes: () => [hello({ busbar: offer }), frame(31, 0, 0, 0)],
    codes: ['ERR_PROTOCOL'],
  },
  {
    name: 'a frame shorter than its head',
    bytes: () => [hello({ busbar: offer }), Buffer.alloc(12)],
    codes: ['ERR_PROTOCOL'],
  },
  {
    name: 'a frame of a GiB',
    bytes: () => [hello({ busbar: offer }), Buffer.from('4000000001020000', 'hex')],
    codes: ['ERR_TOO_LARGE'],
  },
  {
    name: 'a body of frames without an end',
    bytes: () => [
      hello({ busbar: offer }),
      ...Array.from({ length: 60 }, () => frame(1, 6, 0, 0, Buffer.alloc(60_000))),
    ],
    codes: ['ERR_TOO_LARGE'],
  },
  {
    name: 'an acknowledgement of what was never sent',
    bytes: () => [hello({ busbar: offer }), frame(32, 0, 0, 500)],
    codes: ['ERR_PROTOCOL'],
  },
  {
    name: 'a lane opened twice',
    bytes: () => [hello({ busbar: offer }), frame(9, 2, 1, 0, '\xa1x'), frame(9, 2, 1, 0, '\xa1x')],
    codes: ['ERR_PROTOCOL'],
  },
  {
    name: 'a body that is no MessagePack',
    bytes: () => [hello({ busbar: offer }), frame(1, 2, 0, 0, Buffer.from('d9ff41', 'hex'))],
    codes: ['ERR_PROTOCOL'],
  },
];

contract(
  'strangers',
  (bus) => {
    async function start(options: ServerOptions = {}): Promise<{ server: Server; client: Client }> {
      const { server, client } = await bus().pair({
        handshakeTimeoutMs: 5_000,
        sessionGraceMs: 0,
        maxMessageBytes: 2 << 20,
        ...options,
      });
      server.handle((request) => request);
      return { server, client };
    }

    for (const { name, bytes, codes } of cases) {
      it(`${name}: one error with its code, the link closed, nobody else disturbed`, async () => {
        // Those who only wait meet this deadline; the honest client has to make it too.
        const { server, client } = await start(codes.includes('ERR_TIMEOUT') ? { handshakeTimeoutMs: 800 } : {});
        const pieces = bytes();
        const stranger = await Stranger.at(where(bus()));
        for (const piece of pieces) stranger.send(piece);
        await stranger.closed;
        await until(() => bus().errors.length > 0 && server.connections.length === 1);
        expect(await client.request('still here?')).to.equal('still here?');
        const told = bus().takeErrors();
        expect(told).to.have.length(1);
        expect(told[0]).to.be.oneOf(codes);
      });
    }

    it('noise: at most one error a link, the process lives', async () => {
      const { server, client } = await start();
      const strangers = await Promise.all(
        Array.from({ length: 60 }, async (_, seed) => {
          const stranger = await Stranger.at(where(bus()));
          if (seed % 3 === 1) stranger.send(hello({ busbar: offer }));
          if (seed % 3 === 2) stranger.send(hello({ messagepack: seed % 2 === 0, compress: seed % 5 === 0 }));
          stranger.send(noiseBytes(seed + 1, 400));
          return stranger;
        }),
      );
      const answers = Promise.all(Array.from({ length: 50 }, (_, at) => client.request(at)));
      await sleep(100);
      expect(await answers).to.deep.equal(Array.from({ length: 50 }, (_, at) => at));
      for (const { socket } of strangers) socket.destroy();
      // Whatever was sent has been read once the server has no other socket left.
      await emptied(server);
      const told = bus().takeErrors();
      expect(told.length).to.be.within(20, 60);
      for (const code of told) expect(code).to.be.oneOf(['ERR_PROTOCOL', 'ERR_TOO_LARGE', 'ERR_TIMEOUT']);
    });

    it('probes that close without a byte raise no error, half an opening raises one', async () => {
      const { client } = await start();
      for (let i = 0; i < 20; i++) (await Stranger.at(where(bus()))).socket.end();
      for (let i = 0; i < 20; i++) (await Stranger.at(where(bus()))).socket.destroy();
      await sleep(20);
      expect(bus().takeErrors()).to.deep.equal([]);
      const half = await Stranger.at(where(bus()));
      half.send('IPC');
      half.socket.end();
      await until(() => bus().errors.length > 0);
      expect(bus().takeErrors()).to.deep.equal(['ERR_PROTOCOL']);
      expect(await client.ping()).to.be.a('number');
    });

    it('a web page head is answered 418', async () => {
      await start();
      const stranger = await Stranger.at(where(bus()));
      stranger.send('GET /x HTTP/1.1\r\nHost: x\r\n\r\n');
      await stranger.closed;
      expect(stranger.text).to.match(/^HTTP\/1\.1 418 /);
      expect(bus().takeErrors()).to.deep.equal(['ERR_PROTOCOL']);
    });

    it('packets of unknown types and members nobody knows are passed over', async () => {
      const { server } = await start();
      const stranger = await Stranger.at(where(bus()));
      const message = next(server, 'message');
      stranger.send(Buffer.concat([hello({ more: 1 }), packet({ t: 99, d: 1 }), packet({ t: 1, d: 'x', extra: [] })]));
      expect((await message)[0]).to.equal('x');
      stranger.socket.destroy();
      await until(() => server.connections.length === 1);
    });

    it('both openings are accepted however they are cut', async () => {
      const { server } = await start();
      const upgrade = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: net-ipc\r\n\r\n');
      for (const bytes of [hello({ extras: 'tagged' }), upgrade]) {
        const cuts = Array.from({ length: bytes.length - 1 }, (_, at) => at + 1);
        await Promise.all(
          cuts.map(async (cut) => {
            const stranger = await Stranger.at(where(bus()));
            stranger.socket.setNoDelay(true);
            stranger.send(bytes.subarray(0, cut));
            await sleep(2);
            stranger.send(bytes.subarray(cut));
            if (bytes === upgrade) {
              await stranger.told(20);
              stranger.send(hello().subarray(3));
              await until(() => stranger.text.includes('"id"'), 'an answer');
            }
            await stranger.told(20);
            expect(stranger.text).to.match(/"id":"/);
            stranger.socket.destroy();
          }),
        );
        const slow = await Stranger.at(where(bus()));
        slow.socket.setNoDelay(true);
        for (const byte of bytes) {
          slow.send(Uint8Array.of(byte));
          await turn();
        }
        await slow.told(20);
        expect(slow.text).to.match(/"id":"|101 Switching/);
        slow.socket.destroy();
        await until(() => server.connections.length === 1);
        await sleep(10);
        bus().takeErrors();
      }
    });

    it('endless bytes before authorisation are cut off at maxPreAuthBytes', async () => {
      const { server } = await start({ authorize: (payload) => (payload === 'wait' ? new Promise(() => {}) : true) });
      const before = process.memoryUsage().rss;
      const stranger = await Stranger.at(where(bus()));
      stranger.send(hello({ extras: 'wait' }));
      const block = Buffer.alloc(65_536, 0x20);
      let sent = 0;
      while (!stranger.socket.destroyed && sent < 700_000_000) {
        if (!stranger.send(block)) await Promise.race([sleep(1), stranger.closed]);
        sent += block.length;
      }
      expect(sent).to.be.below(20_000_000);
      expect(process.memoryUsage().rss - before).to.be.below(64 << 20);
      expect(server.connections).to.have.length(1);
      await until(() => bus().errors.length > 0);
      expect(bus().takeErrors()).to.deep.equal(['ERR_TOO_LARGE']);
    });

    it('a deflate bomb costs little memory and less than 100 ms', async () => {
      const { server, client } = await start();
      const bomb = packet(await deflated(Buffer.concat([zeros, zeros])));
      let longest = 0;
      let last = performance.now();
      const watch = setInterval(() => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }, 1);
      const before = process.memoryUsage().rss;
      const stranger = await Stranger.at(where(bus()));
      stranger.send(Buffer.concat([hello(open), bomb]));
      await stranger.closed;
      await sleep(2);
      clearInterval(watch);
      expect(longest).to.be.below(100);
      expect(process.memoryUsage().rss - before).to.be.below(32 << 20);
      expect(await client.ping()).to.be.a('number');
      await until(() => server.connections.length === 1);
      expect(bus().takeErrors()).to.deep.equal(['ERR_TOO_LARGE']);
    });
  },
  { on: ['unix', 'tcp'], speaking: [native] },
);
