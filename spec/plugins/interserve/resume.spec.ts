import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { InterserveOptions } from '../../../lib/plugins/interserve/index.ts';
import { CuttingProxy } from './support/cutting-proxy.ts';
import { reasonOf, TransferBus, type TransferClient } from './support/transfer-bus.ts';

const content = Buffer.alloc(5_000_000);
for (let index = 0; index < content.length; index++) content[index] = (index * 31 + (index >> 8)) % 256;
const sha256 = createHash('sha256').update(content).digest('hex');

describe('interserve after a break', () => {
  let bus: TransferBus;
  let proxy: CuttingProxy;
  let one: TransferClient;

  async function start(options: InterserveOptions = {}, clientOptions: InterserveOptions = {}): Promise<void> {
    proxy = await CuttingProxy.start();
    bus = await TransferBus.start({ port: proxy.port, ...options });
    proxy.targetPort = bus.port;
    bus.transfers.add('map');
    one = await bus.connect(clientOptions);
  }

  async function stop(): Promise<void> {
    await bus.close();
    await proxy.close();
    expect(bus.errors).to.deep.equal([]);
  }

  beforeEach(() => start());
  afterEach(stop);

  it('down - goes on where it broke, three times, with the right hash', async () => {
    let got: unknown;
    one.transfers.receive('map', (data) => (got = data));
    for (const afterBytes of [1_000_000, 2_000_000, 500]) proxy.faults.push({ way: 'down', afterBytes });
    const receipt = await bus.transfers.send('map', content, one.peer).receipt;
    expect(receipt).to.deep.equal({ bytes: content.length, sha256, resumed: 3 });
    expect(content.equals(got as Buffer)).to.equal(true);
    expect(proxy.faults).to.deep.equal([]);
    expect(bus.transfers.stats()['map']?.resumed).to.equal(3);
  });

  it('up - goes on where it broke, three times, with the right hash', async () => {
    let got: unknown;
    bus.transfers.receive('map', (data) => (got = data));
    for (const afterBytes of [1_000_000, 2_000_000, 500_000]) proxy.faults.push({ way: 'up', afterBytes });
    const receipt = await one.transfers.send('map', content).receipt;
    expect(receipt).to.deep.include({ bytes: content.length, sha256 });
    expect(receipt.resumed).to.equal(3);
    expect(proxy.faults).to.deep.equal([]);
    expect(content.equals(got as Buffer)).to.equal(true);
  });

  it('both ways - a stream and a file go on too, and leave nothing behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'busbar-spec-'));
    const path = join(folder, 'copy');
    await writeFile(join(folder, 'source'), content);
    one.transfers.receive('map', () => {}, { as: 'file', path });
    bus.transfers.receive(
      'map',
      async (stream) => {
        expect((await buffer(stream)).equals(content)).to.equal(true);
      },
      { as: 'stream' },
    );
    const pieces = () =>
      Readable.from(Array.from({ length: 50 }, (_, at) => content.subarray(at * 100_000, (at + 1) * 100_000)));
    proxy.faults.push({ way: 'down', afterBytes: 1_234_567 });
    expect(await bus.transfers.send('map', pieces(), one.peer).receipt).to.deep.include({ sha256, resumed: 1 });
    expect((await readFile(path)).equals(content)).to.equal(true);
    proxy.faults.push({ way: 'up', afterBytes: 1_234_567 });
    expect(await one.transfers.send('map', pieces()).receipt).to.deep.include({ sha256, resumed: 1 });
    proxy.faults.push({ way: 'up', afterBytes: 1_234_567 });
    expect(await one.transfers.send('map', { file: join(folder, 'source') }).receipt).to.deep.include({ sha256 });
    expect(await readdir(folder)).to.have.members(['copy', 'source']);
    await rm(folder, { recursive: true });
  });

  it('compressed - what was decoded counts, and the rest goes on', async () => {
    await stop();
    await start({ compress: true }, { compress: true });
    const words = Array.from({ length: 400_000 }, (_, index) => String((index * 2_654_435_761) % 1_000_003)).join(' ');
    const hash = createHash('sha256').update(words).digest('hex');
    one.transfers.receive('map', (data) => expect(data === words).to.equal(true));
    bus.transfers.receive('map', (data) => expect(data === words).to.equal(true));
    proxy.faults.push({ way: 'down', afterBytes: 300_000 });
    expect(await bus.transfers.send('map', words, one.peer).receipt).to.deep.include({ sha256: hash, resumed: 1 });
    proxy.faults.push({ way: 'up', afterBytes: 300_000 });
    expect(await one.transfers.send('map', words).receipt).to.deep.include({ sha256: hash, resumed: 1 });
  });

  it('a connection that goes silent - is given up for a new one', async () => {
    await stop();
    await start({}, { timeout: 1 });
    one.transfers.receive('map', () => {});
    proxy.faults.push({ way: 'down', afterBytes: 1_000_000, silent: true });
    expect(await bus.transfers.send('map', content, one.peer).receipt).to.deep.include({ sha256, resumed: 1 });
  });

  it('a break of the bus itself - does not disturb a transfer', async () => {
    const stream = new Promise<Readable>((resolve) =>
      one.transfers.receive('map', (given) => resolve(given), { as: 'stream' }),
    );
    const handle = bus.transfers.send('map', content, one.peer);
    const given = await stream;
    one.client.connection?.destroy();
    expect((await buffer(given)).equals(content)).to.equal(true);
    expect(await handle.receipt).to.deep.include({ sha256, resumed: 0 });
  });

  it('a byte that was changed on the road - fails with 422 on both sides, and no receiver gets it', async () => {
    const fail = () => expect.fail('It was delivered');
    one.transfers.receive('map', fail);
    bus.transfers.receive('map', fail);
    const codes: number[] = [];
    one.transfers.failure('map', (code) => codes.push(code));
    proxy.faults.push({ way: 'down', afterBytes: 100_000, flip: true });
    expect(await reasonOf(bus.transfers.send('map', content, one.peer).receipt)).to.equal('mismatch');
    proxy.faults.push({ way: 'up', afterBytes: 100_000, flip: true });
    expect(await reasonOf(one.transfers.send('map', content).receipt)).to.equal('mismatch');
    expect(codes).to.deep.equal([422, 422]);
  });

  it('an endpoint that cannot be reached - fails with 504 on both sides', async () => {
    await stop();
    await start({ port: 1 }, { timeout: 1 });
    one.transfers.receive('map', () => {});
    bus.transfers.receive('map', () => {});
    const codes: number[] = [];
    one.transfers.failure('map', (code) => codes.push(code));
    const sent = [bus.transfers.send('map', 'x', one.peer), one.transfers.send('map', 'x')];
    expect(await Promise.all(sent.map(({ receipt }) => reasonOf(receipt)))).to.deep.equal([
      'unreachable',
      'unreachable',
    ]);
    expect(codes).to.deep.equal([504, 504]);
  });
});
