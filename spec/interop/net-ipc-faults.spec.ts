import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Server } from '../../lib/index.ts';
import { figure } from '../reliability/figures.ts';
import { eager, until } from '../support/buses.ts';
import { NetIpcProcess, RemoteEnd } from '../support/net-ipc-process.ts';
import { Stranger } from '../support/stranger.ts';
import { underFaults } from './faults.ts';
import { codecs, roles, transports } from './matrix.ts';
import { Recording } from './recording.ts';

let real: NetIpcProcess;
let folder: string;
let paths = 0;
const closers: (() => unknown)[] = [];
const value = { text: 'some text, a few times some text', list: [1, -2.5, null, true] };

const newPath = (): string => join(folder, String(++paths));

/** What a real net-ipc client writes to a busbar server. */
async function clientBytes(codec: object): Promise<Buffer> {
  const path = newPath();
  const server = await new Server({ path }).start();
  server.handle((data) => data);
  const recording = await Recording.between(`${path}p`, path);
  const theirs = await new RemoteEnd(real).make('client', { path: `${path}p`, ...codec }, 'none');
  await theirs.call('connect', 'hello');
  for (let at = 0; at < 3; at++) await theirs.call('send', value);
  await theirs.call('request', value);
  await theirs.drop();
  await recording.close();
  await server.close();
  return Buffer.concat(recording.client);
}

/** What a real net-ipc server writes to a busbar client. */
async function serverBytes(codec: object): Promise<Buffer> {
  const path = newPath();
  const theirs = await new RemoteEnd(real).make('server', { path }, 'none');
  await theirs.call('start');
  const recording = await Recording.between(`${path}p`, path);
  const client = await new Client({ path: `${path}p`, ...codec, random: eager, reconnect: false }).connect();
  client.handle((data) => data);
  await theirs.heard('connect');
  for (let at = 0; at < 3; at++) await theirs.callConnection(client.id ?? '', 'send', value);
  await theirs.callConnection(client.id ?? '', 'request', value);
  client.destroy();
  await theirs.drop();
  await recording.close();
  return Buffer.concat(recording.server);
}

describe('net-ipc 2.2.2, on links that break', () => {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    real = new NetIpcProcess();
    await real.started();
  });
  after(async () => {
    await real.end();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  for (const { name, messagepack, compress } of codecs) {
    for (const handshake of [false, true]) {
      const codec = { messagepack, compress, handshake };
      const how = `${name}${handshake ? ', HTTP upgrade' : ''}`;

      it(`a client that dies at any byte, ${how} - costs one error at most, and the others nothing`, async () => {
        const bytes = await clientBytes(codec);
        const path = newPath();
        const server = await new Server({ path }).start();
        server.handle((data) => data);
        const errors: string[] = [];
        server.on('error', ({ code }) => errors.push(code));
        const client = await new Client({ path }).connect();
        closers.push(
          () => client.destroy(),
          () => server.close(),
        );
        expect(bytes.length).to.be.above(150);
        for (let end = 0; end <= bytes.length; end++) {
          const stranger = await Stranger.at({ path });
          stranger.send(bytes.subarray(0, end));
          stranger.socket.end();
          await stranger.closed;
          stranger.socket.destroy();
        }
        await until(() => server.connections.length === 1);
        expect(await client.request('still there?')).to.equal('still there?');
        expect(errors.length).to.be.at.most(bytes.length);
        for (const code of errors) expect(code).to.equal('ERR_PROTOCOL');
        figure('31', { how, role: 'client', deaths: bytes.length + 1, errors: errors.length });
      });

      it(`a server that dies at any byte, ${how} - every call of a client settles`, async () => {
        const bytes = await serverBytes(codec);
        expect(bytes.length).to.be.above(150);
        const head = handshake ? bytes.indexOf('\r\n\r\n') + 4 : 0;
        const path = newPath();
        let end = 0;
        const listener = createServer((socket) => {
          socket.on('error', () => {});
          let written = 0;
          socket.on('data', () => {
            // The answer to an upgrade comes before the rest, which answers the hello.
            const to = Math.min(end, written === 0 && head > 0 ? head : end);
            socket.write(bytes.subarray(written, to));
            written = to;
            if (written === end) socket.end();
          });
        }).listen(path);
        await once(listener, 'listening');
        closers.push(() => new Promise((resolve) => listener.close(resolve)));
        let connected = 0;
        for (; end <= bytes.length; end++) {
          const client = new Client({ path, ...codec, random: eager, retries: 0, reconnect: false });
          client.on('error', () => {});
          const closed = new Promise((resolve) => client.once('close', resolve));
          try {
            await client.connect();
            connected += 1;
            const asked = client.request('anybody?', 0).catch(({ code }: { code: string }) => code);
            await closed;
            expect(await asked).to.be.a('string');
          } catch (error) {
            expect((error as { code?: unknown }).code).to.be.oneOf(['ERR_CONNECT', 'ERR_PROTOCOL']);
          } finally {
            client.destroy();
          }
        }
        expect(connected).to.be.within(1, bytes.length);
        figure('31', { how, role: 'server', deaths: bytes.length + 1, connected });
      });
    }
  }

  for (const [at, role] of roles.entries()) {
    const transport = transports[at];
    const codec = codecs[3 * at];
    if (transport === undefined || codec === undefined) continue;
    it(`${role}, ${transport.name}, ${codec.name}, ten faults - in order, never doubled, every call settles`, async () => {
      const figures = await underFaults(real, newPath(), role, transport, codec, 10, at);
      figure('31', { role, transport: transport.name, codec: codec.name, ...figures, works: String(figures.works) });
      const { doubled, outOfOrder, neverSettled, works } = figures;
      expect({ doubled, outOfOrder, neverSettled, works }).to.deep.equal({
        doubled: 0,
        outOfOrder: 0,
        neverSettled: 0,
        works: true,
      });
      expect(figures.arrived).to.be.above(0);
    });
  }
});
