import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { BusError, Client, type Connection, definePlugin, type PeerHandle } from '../../../lib/index.ts';
import type { Progress, TransferInfo } from '../../../lib/plugins/interserve/index.ts';
import { reasonOf, TransferBus, type TransferClient } from './support/transfer-bus.ts';
import { until } from '../../support/buses.ts';

const megabyte = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => (index * 7) % 256));

describe('interserve transfers', () => {
  let bus: TransferBus;
  let one: TransferClient;
  beforeEach(async () => {
    bus = await TransferBus.start();
    bus.transfers.add('map');
    one = await bus.connect();
  });
  afterEach(async () => {
    await bus.close();
    expect(bus.errors).to.deep.equal([]);
  });

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

  describe('peers', () => {
    it('several - each gets its own receipt, one failure keeps none from the others', async () => {
      const two = await bus.connect();
      const three = await bus.connect();
      one.transfers.receive('map', () => {});
      two.transfers.receive('map', () => {
        throw new Error('two says no');
      });
      const handle = bus.transfers.broadcast('map', megabyte);
      expect([...handle.receipts.keys()]).to.have.members([one.peer, two.peer, three.peer]);
      const outcomes = await handle.receipt;
      expect(outcomes.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected', 'rejected']);
      expect(await reasonOf(handle.receipts.get(three.peer) ?? Promise.resolve())).to.equal('unknown');
    });

    it('omit - leaves out whom it is told to', async () => {
      const two = await bus.connect();
      let count = 0;
      for (const { transfers } of [one, two]) transfers.receive('map', () => (count += 1));
      expect([...bus.transfers.omit('map', 'x', one.peer).receipts.keys()]).to.deep.equal([two.peer]);
      await bus.transfers.omit('map', 'x', [one.peer, two.peer]).receipt;
      await bus.transfers.omit('map', 'x', [two.peer]).receipt;
      expect(count).to.be.within(1, 2);
    });

    it('a client - sends before it is connected', async () => {
      bus.transfers.receive('map', () => {});
      const { client, transfers } = bus.client();
      const handle = transfers.send('map', 'early');
      await bus.join(client);
      expect(await handle.receipt).to.include({ bytes: 5 });
      expect([...handle.receipts.keys()]).to.deep.equal([client]);
    });

    it('a peer without the plugin, or of the net-ipc dialect - rejects with ERR_PEER_LACKS_FEATURE', async () => {
      const legacy = await bus.connect({}, { native: false });
      const peer = await bus.join(new Client({ host: '127.0.0.1', port: bus.server.port }));
      const sent = [
        bus.transfers.send('map', 'x', peer),
        bus.transfers.send('map', 'x', legacy.peer),
        legacy.transfers.send('map', 'x'),
      ];
      for (const { receipt } of sent) {
        const error = await receipt.catch((failure: unknown) => failure);
        expect(error).to.have.property('code', 'ERR_PEER_LACKS_FEATURE');
      }
    });

    it('a peer whose answer fails with a code of its own - rejects with ERR_REMOTE, whatever the code', async () => {
      const client = new Client({ host: '127.0.0.1', port: bus.server.port });
      let code = '';
      client.use(
        definePlugin({
          name: 'interserve',
          server: () => ({ api: undefined }),
          client: (host) => {
            host.lane({ request: () => Promise.reject(new BusError(code, 'no')) });
            return { api: undefined };
          },
        }),
      );
      const peer = await bus.join(client);
      for (code of ['E_MINE', 'constructor', '__proto__', 'toString', 'valueOf', 'hasOwnProperty']) {
        const error = await bus.transfers.send('map', 'x', peer).receipt.catch((failure: unknown) => failure);
        expect(error, code).to.include({ code: 'ERR_REMOTE', message: 'no' });
      }
    });

    it('a peer that leaves half-way - rejects with ERR_CLOSED and leaves nothing waiting', async () => {
      const started = new Promise<void>((resolve) => {
        one.transfers.receive('map', () => new Promise<never>(() => resolve()), { as: 'stream' });
      });
      const handle = bus.transfers.send('map', new PassThrough(), one.peer);
      const source = new PassThrough();
      source.write('x');
      const other = bus.transfers.send('map', source, one.peer);
      await started;
      one.client.destroy();
      expect(await reasonOf(handle.receipt)).to.equal('left');
      expect(await reasonOf(other.receipt)).to.equal('left');
      expect(source.destroyed).to.equal(true);
    });
  });

  describe('endings', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'busbar-spec-'));
    });
    afterEach(() => rm(folder, { recursive: true }));

    async function halfWay() {
      const parts = () => readdir(folder).then((names) => names.filter((name) => name.endsWith('.part')).length);
      one.transfers.receive('map', () => {}, { as: 'file', path: join(folder, 'down') });
      bus.transfers.receive('map', () => {}, { as: 'file', path: join(folder, 'up') });
      const sources = [new PassThrough(), new PassThrough()] as const;
      const down = bus.transfers.send('map', sources[0], one.peer);
      const up = one.transfers.send('map', sources[1]);
      for (const source of sources) source.write('half');
      await until(async () => (await parts()) >= 2);
      return { sources, receipts: [down.receipt, up.receipt] };
    }

    const endings: Record<string, () => unknown> = {
      'the client closes': () => one.client.close(),
      'the client is destroyed': () => one.client.destroy(),
      'the connection is closed': () => one.peer.close(),
      'the server closes': () => bus.server.close(),
    };
    for (const [name, end] of Object.entries(endings)) {
      it(`${name} - transfers under way end on both sides and leave nothing on disk`, async () => {
        const { sources, receipts } = await halfWay();
        await end();
        for (const receipt of receipts) expect(await reasonOf(receipt)).to.equal('left');
        for (const source of sources) {
          if (!source.closed) await new Promise((resolve) => source.once('close', resolve));
        }
        await until(async () => (await readdir(folder)).length <= 0);
      });
    }
  });

  describe('decisions', () => {
    it('an id that was not added - is unknown to both sides', async () => {
      bus.transfers.receive('other', () => {});
      const source = new PassThrough();
      expect(await reasonOf(bus.transfers.send('other', source, one.peer).receipt)).to.equal('unknown');
      expect(source.destroyed, 'nobody else ends it').to.equal(true);
      expect(await reasonOf(one.transfers.send('other', 'x').receipt)).to.equal('unknown');
      expect(bus.transfers.exists('other')).to.equal(false);
      bus.transfers.add('other');
      await one.transfers.send('other', 'x').receipt;
    });

    it('the handshake - refuses by false, fails by throwing, and always its own transfer', async () => {
      const sizes: unknown[] = [];
      bus.transfers.receive('map', () => {});
      bus.transfers.handshake('map', async (peer: PeerHandle, size) => {
        expect(peer).to.equal(one.peer);
        sizes.push(size);
        if (size === 1) return false;
        if (size === 2) throw new Error('not two');
        return true;
      });
      const sent = ['x', 'xx', 'xxx', Readable.from(['x'])].map((data) =>
        reasonOf(one.transfers.send('map', data).receipt),
      );
      expect(await Promise.all(sent)).to.deep.equal(['refused', 'failed', 'fulfilled', 'fulfilled']);
      expect(sizes).to.have.deep.members([1, 2, 3, undefined]);
      bus.transfers.handshake('map');
      await one.transfers.send('map', 'x').receipt;
    });

    it('the interrupt - stops both ways and sees the request', async () => {
      const seen: unknown[] = [];
      bus.transfers.receive('map', () => {});
      one.transfers.receive('map', () => {});
      bus.transfers.interrupt('map', (peer, { id, way, method, size, address }) => {
        seen.push([peer === one.peer, id, way, method, size, address]);
        return false;
      });
      expect(await reasonOf(bus.transfers.send('map', 'xy', one.peer).receipt)).to.equal('interrupted');
      expect(await reasonOf(one.transfers.send('map', 'xyz').receipt)).to.equal('interrupted');
      expect(seen).to.deep.equal([
        [true, 'map', 'down', 'GET', 2, '127.0.0.1'],
        [true, 'map', 'up', 'PUT', 3, '127.0.0.1'],
      ]);
      bus.transfers.interrupt('map', () => Promise.reject(new Error('undecided')));
      expect(await reasonOf(one.transfers.send('map', 'x').receipt)).to.equal('failed');
      bus.transfers.interrupt('map');
      await one.transfers.send('map', 'x').receipt;
    });

    it('failure - hears of both ways with status, sentence and headers, until it is removed', async () => {
      const heard: unknown[] = [];
      bus.transfers.receive('map', () => {});
      bus.transfers.handshake('map', () => false);
      one.transfers.failure('map', (code, reason, headers) => {
        heard.push([code, reason, headers?.['interserve-reason']]);
      });
      await reasonOf(one.transfers.send('map', 'x').receipt);
      await reasonOf(bus.transfers.send('map', 'x', one.peer).receipt);
      bus.transfers.handshake('map');
      bus.transfers.interrupt('map', () => false);
      await reasonOf(one.transfers.send('map', 'x').receipt);
      one.transfers.receive('map', () => {});
      const heardAll = new Promise((resolve) => one.transfers.once('transfer', resolve));
      await reasonOf(bus.transfers.send('map', 'x', one.peer).receipt);
      await heardAll;
      one.transfers.failure('map');
      await reasonOf(one.transfers.send('map', 'x').receipt);
      expect(heard).to.deep.equal([
        [403, 'The handshake refused the upload.', undefined],
        [404, 'There is no such endpoint, or nobody receives on it.', undefined],
        [403, 'The interrupt stopped the transfer.', 'interrupted'],
        [403, 'The interrupt stopped the transfer.', 'interrupted'],
      ]);
    });

    it('remove - ends what is under way with 410 and forgets the figures', async () => {
      const started = new Promise<void>((resolve) => {
        one.transfers.receive('map', () => new Promise<never>(() => resolve()), { as: 'stream' });
      });
      const source = new PassThrough();
      source.write('x');
      const handle = bus.transfers.send('map', source, one.peer);
      await started;
      expect(bus.transfers.remove('map')).to.equal(true);
      expect(bus.transfers.remove('map')).to.equal(false);
      expect(await reasonOf(handle.receipt)).to.equal('gone');
      expect(bus.records.map(({ outcome }) => outcome)).to.deep.equal(['gone']);
      expect(bus.transfers.stats()).to.deep.equal({});
    });
  });

  describe('abort', () => {
    it('down - rejects at once and tells the client', async () => {
      const started = new Promise<Readable>((resolve) => {
        one.transfers.receive('map', (stream) => resolve(stream), { as: 'stream' });
      });
      const failed = new Promise((resolve) => one.transfers.failure('map', (code) => resolve(code)));
      const source = new PassThrough();
      source.write('x');
      const handle = bus.transfers.send('map', source, one.peer);
      const stream = await started;
      handle.abort();
      expect(await reasonOf(handle.receipt)).to.equal('aborted');
      expect(await failed).to.equal(499);
      expect(stream.errored).to.have.property('code', 'ERR_ABORTED');
      expect(source.destroyed).to.equal(true);
    });

    it('up - rejects at once and tells the server', async () => {
      const started = new Promise<Readable>((resolve) => {
        bus.transfers.receive('map', (stream) => resolve(stream), { as: 'stream' });
      });
      const recorded = new Promise((resolve) => bus.transfers.once('transfer', resolve));
      const source = new PassThrough();
      source.write('x');
      const handle = one.transfers.send('map', source);
      const stream = await started;
      handle.abort();
      expect(await reasonOf(handle.receipt)).to.equal('aborted');
      expect(await recorded).to.include({ outcome: 'aborted', status: 499, way: 'up' });
      expect(stream.errored).to.have.property('code', 'ERR_ABORTED');
    });

    it('before the client is connected - rejects as well', async () => {
      const { transfers } = bus.client();
      const handle = transfers.send('map', 'x');
      handle.abort();
      expect(await reasonOf(handle.receipt)).to.equal('aborted');
    });
  });

  it('a receiver that never reads - stalls both ways, and both sides are told', async () => {
    await bus.close();
    bus = await TransferBus.start({ timeout: 1 });
    bus.transfers.add('map');
    one = await bus.connect({ timeout: 1 });
    const codes: number[] = [];
    one.transfers.failure('map', (code) => codes.push(code));
    const never = () => new Promise<never>(() => {});
    one.transfers.receive('map', never, { as: 'stream' });
    bus.transfers.receive('map', never, { as: 'stream' });
    const sent = [bus.transfers.send('map', megabyte, one.peer), one.transfers.send('map', megabyte)];
    expect(await Promise.all(sent.map(({ receipt }) => reasonOf(receipt)))).to.deep.equal(['stalled', 'stalled']);
    expect(codes).to.deep.equal([408, 408]);
  });

  it('a receiver at work - is waited for beyond the timeout, and holds no turn', async () => {
    await bus.close();
    bus = await TransferBus.start({ timeout: 1, transfers: 1 });
    bus.transfers.add('map');
    one = await bus.connect({ timeout: 1 });
    const order: unknown[] = [];
    const work = async (data: unknown) => {
      if (data === 'long') await new Promise((resolve) => setTimeout(resolve, 1500));
      order.push(data);
    };
    one.transfers.receive('map', work);
    bus.transfers.receive('map', work);
    const long = [bus.transfers.send('map', 'long', one.peer), one.transfers.send('map', 'long')];
    const short = [bus.transfers.send('map', 'short', one.peer), one.transfers.send('map', 'short')];
    await Promise.all([...long, ...short].map(({ receipt }) => receipt));
    expect(order).to.deep.equal(['short', 'short', 'long', 'long']);
  });

  it('a receiver that never returns - is not waited for longer than its time, and both sides are told', async () => {
    await bus.close();
    bus = await TransferBus.start({ receiving: 1 });
    bus.transfers.add('map');
    one = await bus.connect();
    const codes: number[] = [];
    one.transfers.failure('map', (code) => codes.push(code));
    const never = () => new Promise<never>(() => {});
    one.transfers.receive('map', never);
    bus.transfers.receive('map', never);
    const sent = [bus.transfers.send('map', 'x', one.peer), one.transfers.send('map', 'x')];
    expect(await Promise.all(sent.map(({ receipt }) => reasonOf(receipt)))).to.deep.equal(['stalled', 'stalled']);
    expect(codes).to.deep.equal([408, 408]);
  });

  it('a client that is not connected in time - gives its sends up', async () => {
    const { transfers } = bus.client({ timeout: 1 });
    expect(await reasonOf(transfers.send('map', 'x').receipt)).to.equal('expired');
  });

  it('a send without a turn, or without an answer - expires at the client', async () => {
    await bus.close();
    bus = await TransferBus.start();
    bus.transfers.add('map');
    bus.transfers.receive('map', () => {});
    bus.transfers.handshake('map', () => new Promise<never>(() => {}));
    const { client, transfers } = bus.client({ timeout: 1, transfers: 1 });
    const codes: number[] = [];
    transfers.failure('map', (code) => codes.push(code));
    await bus.join(client);
    const both = [transfers.send('map', 'x'), transfers.send('map', 'y')];
    expect(await Promise.all(both.map(({ receipt }) => reasonOf(receipt)))).to.deep.equal(['expired', 'expired']);
    expect(codes).to.deep.equal([410, 410]);
    expect(bus.records.map(({ outcome }) => outcome)).to.deep.equal(['expired']);
  });

  it('a client that lost its session - sends what waited in the next one', async () => {
    const waiting = await bus.connect({ transfers: 1 });
    bus.transfers.receive('map', () => new Promise<never>(() => {}));
    const first = waiting.transfers.send('map', 'x');
    const second = waiting.transfers.send('map', 'y');
    await new Promise((resolve) => setImmediate(resolve));
    await waiting.peer.close();
    expect(await reasonOf(first.receipt)).to.equal('left');
    bus.transfers.receive('map', () => {});
    await bus.join(waiting.client);
    expect(await second.receipt).to.include({ bytes: 1 });
  });

  describe('figures', () => {
    it('progress - rises to the total, with a rate', async () => {
      const whole = Buffer.alloc(30_000_000);
      for (const way of ['down', 'up'] as const) {
        one.transfers.receive('map', () => {});
        bus.transfers.receive('map', () => {});
        const handle = way === 'down' ? bus.transfers.send('map', whole, one.peer) : one.transfers.send('map', whole);
        const reports: Progress[] = [];
        handle.on('progress', (progress) => reports.push(progress));
        await handle.receipt;
        expect(reports.at(-1)).to.include({ bytes: whole.length, total: whole.length });
        expect(reports.at(-1)?.peer).to.equal(way === 'down' ? one.peer : one.client);
        expect(reports.at(-1)?.rate).to.be.above(1_000_000);
      }
    });

    it('stats, events and the channel - count what happened by id', async () => {
      const published: unknown[] = [];
      const listener = (message: unknown) => published.push(message);
      subscribe('busbar:interserve:transfer', listener);
      subscribe('busbar:interserve:start', listener);
      one.transfers.receive('map', () => {});
      bus.transfers.receive('map', () => {});
      await bus.transfers.send('map', 'four', one.peer).receipt;
      await one.transfers.send('map', 'three').receipt;
      bus.transfers.handshake('map', () => false);
      await reasonOf(one.transfers.send('map', 'x').receipt);
      unsubscribe('busbar:interserve:transfer', listener);
      unsubscribe('busbar:interserve:start', listener);
      const { map } = bus.transfers.stats();
      expect(map).to.deep.include({ sent: 1, sentBytes: 4, received: 1, receivedBytes: 5, resumed: 0 });
      expect(map?.failures).to.deep.equal({ ERR_REFUSED: 1 });
      expect(map?.durations.count).to.equal(3);
      expect(map?.durations.max).to.be.at.least(map?.durations.p50 ?? Infinity);
      expect(bus.records.map(({ outcome, status, way }) => [outcome, status, way])).to.deep.equal([
        ['taken', 200, 'down'],
        ['taken', 200, 'up'],
        ['refused', 403, 'up'],
      ]);
      expect(one.transfers.stats()['map']).to.deep.include({ sent: 1, sentBytes: 5, received: 1, receivedBytes: 4 });
      expect(published).to.deep.include(bus.records[0]);
      expect(published).to.deep.include({ id: 'map', way: 'down', peer: one.peer.id, size: 4 });
    });
  });

  it('listeners that throw - reach the error event and disturb no transfer', async () => {
    const loud = () => {
      throw new Error('a listener of mine');
    };
    bus.transfers.on('transfer', loud);
    one.transfers.on('transfer', loud);
    one.transfers.receive('map', () => {});
    const handle = bus.transfers.send('map', 'x', one.peer);
    handle.on('progress', loud);
    await handle.receipt;
    const pushed = one.transfers.send('map', 'x');
    one.transfers.failure('map', loud);
    expect(await reasonOf(pushed.receipt)).to.equal('unknown');
    await new Promise(setImmediate);
    const messages = bus.errors.splice(0).map((error) => (error instanceof Error ? error.message : ''));
    expect(new Set(messages)).to.deep.equal(new Set(['a listener of mine']));
    expect(messages).to.have.lengthOf.at.least(5);
  });

  it('log - gets one line for each transfer, and no line break from an id', async () => {
    await bus.close();
    const lines: string[] = [];
    bus = await TransferBus.start({ log: (line) => lines.push(line) });
    bus.transfers.add('a\nb');
    one = await bus.connect();
    one.transfers.receive('a\nb', () => {});
    await bus.transfers.send('a\nb', 'four', one.peer).receipt;
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(/^200 taken "a\\nb" -> \S+ bytes=4 ms=\d+\.\d$/);
  });

  it('callbacks, ids and data of the wrong kind - are refused at once', () => {
    const wrong: (() => unknown)[] = [
      () => bus.transfers.add(''),
      () => bus.transfers.add('x'.repeat(129)),
      () => bus.transfers.add('x', { size: -1 }),
      () => bus.transfers.receive('map', 'callback' as never),
      () => bus.transfers.receive('map', () => {}, { as: 'blob' as 'value' }),
      () => bus.transfers.receive('map', () => {}, { as: 'value', path: '/tmp/x' }),
      () => bus.transfers.send('map', 5 as never, one.peer),
      () => bus.transfers.send('map', 'x', undefined as never),
      () => bus.transfers.interrupt('map', 5 as never),
      () => one.transfers.failure('map', 5 as never),
      () => one.transfers.send('map', {} as never),
      () => bus.transfers.add('log', { siz: 5 } as never),
      () => bus.transfers.add('log', 5 as never),
      () => bus.transfers.receive('map', () => {}, { at: 'x' } as never),
      () => one.transfers.receive('map', () => {}, null as never),
    ];
    for (const call of wrong)
      expect(call, String(call)).to.throw(BusError).with.property('code', 'ERR_INVALID_ARGUMENT');
  });
});
