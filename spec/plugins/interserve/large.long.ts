import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { CuttingProxy } from './support/cutting-proxy.ts';
import { TransferBus, type TransferClient } from './support/transfer-bus.ts';

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

describe('interserve at its limits', () => {
  let bus: TransferBus;
  let proxy: CuttingProxy;
  let one: TransferClient;
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'busbar-long-'));
    proxy = await CuttingProxy.start();
    bus = await TransferBus.start({ port: proxy.port });
    proxy.targetPort = bus.port;
    bus.transfers.add('map');
    one = await bus.connect();
  });
  afterEach(async () => {
    await bus.close();
    await proxy.close();
    await rm(folder, { recursive: true });
    expect(bus.errors).to.deep.equal([]);
  });

  it('1 GiB both ways - passes by default, over three breaks, within 128 MiB for both ends together', async () => {
    const file = join(folder, 'source');
    const handle = await open(file, 'w');
    const chunk = crypto.getRandomValues(new Uint8Array(65_536));
    for (let at = 0; at < gibibyte; at += chunk.length) await handle.write(chunk);
    await handle.close();
    one.transfers.receive('map', () => {}, { as: 'file', path: join(folder, 'down') });
    bus.transfers.receive('map', () => {}, { as: 'file', path: join(folder, 'up') });
    for (const way of ['down', 'up'] as const) {
      collect();
      const before = process.memoryUsage.rss();
      let most = 0;
      for (const afterBytes of [100, 200, 300]) proxy.faults.push({ way, afterBytes: afterBytes * mebibyte });
      const sending =
        way === 'down' ? bus.transfers.send('map', { file }, one.peer) : one.transfers.send('map', { file });
      sending.on('progress', () => (most = Math.max(most, process.memoryUsage.rss() - before)));
      expect(await sending.receipt).to.include({ bytes: gibibyte, resumed: 3 });
      expect(most / mebibyte, way).to.be.below(128);
    }
  });

  it('100,000 transfers of 1 KB - leave nothing in memory', async () => {
    one.transfers.receive('map', () => {});
    bus.transfers.receive('map', () => {});
    const transfer = async (count: number) => {
      for (let sent = 0; sent < count; sent += 100) {
        const receipts = Array.from({ length: 50 }, () => [
          bus.transfers.send('map', 'x'.repeat(1024), one.peer).receipt,
          one.transfers.send('map', 'x'.repeat(1024)).receipt,
        ]);
        await Promise.all(receipts.flat());
        bus.records.length = 0;
      }
      collect();
      return process.memoryUsage().heapUsed;
    };
    const warm = await transfer(10_000);
    const after = await transfer(90_000);
    expect((after - warm) / mebibyte).to.be.below(4);
  });
});
