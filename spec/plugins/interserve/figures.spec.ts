import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BusError } from '../../../lib/index.ts';
import type { Progress } from '../../../lib/plugins/interserve/index.ts';
import { eachTransferBus, reasonOf, TransferBus, type TransferClient } from './support/transfer-bus.ts';

describe('interserve figures and listeners', () => {
  let bus: TransferBus;
  let one: TransferClient;
  eachTransferBus(
    (started, client) => {
      bus = started;
      one = client;
    },
    () => bus,
  );

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
