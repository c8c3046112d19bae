import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { BusError, type Connection } from '../../../lib/index.ts';
import type { TransferInfo } from '../../../lib/plugins/interserve/index.ts';
import { eachTransferBus, megabyte, reasonOf, TransferBus, type TransferClient } from './support/transfer-bus.ts';
import { until } from '../../support/buses.ts';

describe('interserve contents', () => {
  let bus: TransferBus;
  let one: TransferClient;
  eachTransferBus(
    (started, client) => {
      bus = started;
      one = client;
    },
    () => bus,
  );

  /** What the next transfer brings to the client. */
  function received(client = one): Promise<{ data: unknown; info: TransferInfo }> {
    return new Promise((resolve) => client.transfers.receive('map', (data, info) => resolve({ data, info })));
  }

  describe('values', () => {
    const values: Record<string, [unknown, unknown]> = {
      'a string': ['größer als 64 KiB', 'größer als 64 KiB'],
      'an empty string': ['', ''],
      'a Buffer': [megabyte, megabyte],
      'a typed array': [new Uint16Array([1, 256]), Buffer.from([1, 0, 0, 1])],
      'a stream': [Readable.from([Buffer.from('abc'), 'def']), Buffer.from('abcdef')],
    };
    for (const [name, [sent, arrives]] of Object.entries(values)) {
      it(`down - ${name} arrives as what was sent`, async () => {
        const arrival = received();
        const { bytes, sha256, resumed } = await bus.transfers.send('map', sent as string, one.peer).receipt;
        const { data, info } = await arrival;
        expect(data).to.deep.equal(arrives);
        expect(resumed).to.equal(0);
        expect(bytes).to.equal(Buffer.from(arrives as string).length);
        expect(info.sha256).to.equal(sha256);
      });
    }

    it('up - a string and bytes arrive with their peer', async () => {
      const got: unknown[] = [];
      bus.transfers.receive('map', (data, peer, info) => {
        got.push([data, peer === one.peer, info.kind]);
      });
      await one.transfers.send('map', 'text').receipt;
      await one.transfers.send('map', megabyte).receipt;
      await one.transfers.send('map', Readable.from(['a', 'b'])).receipt;
      expect(got).to.deep.equal([
        ['text', true, 'string'],
        [megabyte, true, 'bytes'],
        [Buffer.from('ab'), true, 'bytes'],
      ]);
    });
  });

  describe('streams and files', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'busbar-spec-'));
      await writeFile(join(folder, 'source.bsp'), megabyte);
    });
    afterEach(() => rm(folder, { recursive: true }));

    it('down - a file arrives as a file where the receiver wants it', async () => {
      const path = join(folder, 'copy.bsp');
      let name: string | undefined;
      one.transfers.receive(
        'map',
        async (given, info) => {
          name = info.name;
          expect(info.path).to.equal(path);
          expect(given).to.match(/\.bsp$/);
          expect((await readFile(given)).equals(megabyte)).to.equal(true);
          expect(await readdir(folder)).to.not.include('copy.bsp');
        },
        { as: 'file', path },
      );
      await bus.transfers.send('map', { file: join(folder, 'source.bsp') }, one.peer).receipt;
      expect(name).to.equal('source.bsp');
      expect(await readdir(folder)).to.have.members(['source.bsp', 'copy.bsp']);
    });

    it('up - a path function sees who sends what', async () => {
      bus.transfers.receive('map', () => {}, {
        as: 'file',
        path: (info, peer) => join(folder, `${peer.id}-${info.name}`),
      });
      await one.transfers.send('map', { file: join(folder, 'source.bsp') }).receipt;
      expect(await readdir(folder)).to.have.members(['source.bsp', `${one.peer.id}-source.bsp`]);
    });

    it('both ways - a stream is read while it comes', async () => {
      const down = new PassThrough();
      let first: (() => void) | undefined;
      const seen = new Promise<void>((resolve) => (first = resolve));
      let got = '';
      const read = async (stream: Readable) => {
        for await (const chunk of stream) {
          got += String(chunk);
          first?.();
        }
      };
      one.transfers.receive('map', read, { as: 'stream' });
      const handle = bus.transfers.send('map', down, one.peer);
      down.write('first ');
      await seen;
      down.end('last');
      await handle.receipt;
      bus.transfers.receive('map', read, { as: 'stream' });
      await one.transfers.send('map', ' and up').receipt;
      expect(got).to.equal('first last and up');
    });

    it("a host that is not the server's - is followed only if the client names it", async () => {
      await bus.close();
      for (const [address, hosts, followed] of [
        ['192.0.2.1', [], false],
        ['files.example', ['other.example'], false],
        ['localhost', [], true],
        ['127.0.0.1', [], true],
        ['LOCALHOST', [], true],
        ['127.0.0.2', ['127.0.0.2'], true],
        ['127.0.0.2', [], false],
      ] as const) {
        bus = await TransferBus.start({ address, host: '0.0.0.0', bindAddress: false });
        bus.transfers.add('map');
        bus.transfers.receive('map', () => {});
        one = await bus.connect({ hosts });
        one.transfers.receive('map', () => {});
        const ways = [bus.transfers.send('map', 'x', one.peer), one.transfers.send('map', 'x')];
        for (const { receipt } of ways) {
          expect(await reasonOf(receipt), `${address} ${hosts.join()}`).to.equal(followed ? 'fulfilled' : 'refused');
        }
        await bus.close();
      }
      bus = await TransferBus.start();
    });

    it('a path that is none - fails the transfer, and is refused where it is given', async () => {
      const promised = (async () => 'map') as unknown as () => string;
      one.transfers.receive('map', () => {}, { as: 'file', path: promised });
      const error = await bus.transfers.send('map', 'x', one.peer).receipt.catch((failure: unknown) => failure);
      expect(error).to.include({ code: 'ERR_REMOTE' }).and.have.property('message').which.includes('path');
      expect(() => one.transfers.receive('map', () => {}, { as: 'file', path: '' })).to.throw(BusError, 'path');
    });

    it('a file that is there - stays as it was until the receiver took another one', async () => {
      const path = join(folder, 'settings.json');
      const content = async (): Promise<string> => (await readFile(path)).toString();
      await writeFile(path, '"old"');
      const seen: string[] = [];
      const receive = async (given: string): Promise<void> => {
        seen.push(await content());
        JSON.parse((await readFile(given)).toString());
      };
      one.transfers.receive('map', receive, { as: 'file', path });
      bus.transfers.receive('map', receive, { as: 'file', path });
      for (const send of [
        (text: string) => bus.transfers.send('map', text, one.peer),
        (text: string) => one.transfers.send('map', text),
      ]) {
        await writeFile(path, '"old"');
        const error = await send('not JSON').receipt.catch((failure: unknown) => failure);
        expect(error).to.include({ code: 'ERR_REMOTE' });
        expect(await content()).to.equal('"old"');
        await send('"new"').receipt;
        expect(await content()).to.equal('"new"');
        expect(await readdir(folder)).to.have.members(['source.bsp', 'settings.json']);
      }
      expect(seen).to.deep.equal(['"old"', '"old"', '"old"', '"old"']);
    });

    it('a transfer that ends while its receiver takes its time - leaves the file that is there', async () => {
      const path = join(folder, 'kept');
      await writeFile(path, 'old');
      let go: (() => void) | undefined;
      const taking = new Promise<void>((resolve) => {
        bus.transfers.receive(
          'map',
          () => {
            resolve();
            return new Promise<void>((done) => (go = done));
          },
          { as: 'file', path },
        );
      });
      const handle = one.transfers.send('map', 'new');
      await taking;
      handle.abort();
      await handle.receipt.catch(() => undefined);
      bus.transfers.remove('map');
      go?.();
      await until(async () => (await readdir(folder)).length <= 2);
      expect((await readFile(path)).toString()).to.equal('old');
    });

    it('a receiver that throws - rejects with ERR_REMOTE and leaves no file', async () => {
      const fail = () => Promise.reject(new RangeError('no room for maps'));
      one.transfers.receive('map', fail, { as: 'file', path: join(folder, 'copy') });
      bus.transfers.receive('map', fail, { as: 'file', path: join(folder, 'copy') });
      for (const handle of [bus.transfers.send('map', 'x', one.peer), one.transfers.send('map', 'x')]) {
        const error = await handle.receipt.catch((failure: unknown) => failure);
        expect(error).to.be.instanceOf(BusError).and.include({ code: 'ERR_REMOTE', message: 'no room for maps' });
      }
      expect(await readdir(folder)).to.deep.equal(['source.bsp']);
    });

    it('a disk that is full - fails with 507 on both sides and leaves no file', async function () {
      if (process.platform === 'win32') this.skip();
      const program = fileURLToPath(new URL('./support/narrow-client.js', import.meta.url));
      const run = 'ulimit -f 100; exec "$0" "$@"';
      const connected = new Promise<Connection>((resolve) => bus.server.once('connect', resolve));
      const told = new Promise((resolve) => bus.server.once('message', resolve));
      const args = ['-c', run, process.execPath, program, String(bus.server.port), join(folder, 'copy')];
      const child = spawn('sh', args, { stdio: 'inherit' });
      const ended = once(child, 'close');
      const { receipt } = bus.transfers.send('map', megabyte, await connected);
      const { details } = (await receipt.catch((error: unknown) => error)) as BusError;
      expect(details).to.deep.equal({ status: 507, reason: 'storage' });
      expect(await told).to.have.property('code', 507);
      expect(await readdir(folder)).to.deep.equal(['source.bsp']);
      await bus.server.close();
      await ended;
    });
  });
});
