import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { eachTransferBus, megabyte, reasonOf, TransferBus, type TransferClient } from './support/transfer-bus.ts';
import { until } from '../../support/buses.ts';

describe('interserve transfers that end early', () => {
  let bus: TransferBus;
  let one: TransferClient;
  eachTransferBus(
    (started, client) => {
      bus = started;
      one = client;
    },
    () => bus,
  );

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
});
