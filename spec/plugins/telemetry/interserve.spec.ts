import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { telemetry } from '../../../lib/plugins/telemetry/index.ts';
import { until } from '../../support/buses.ts';
import { TransferBus, type TransferClient } from '../interserve/support/transfer-bus.ts';
import { Exported } from './exported.ts';

describe('telemetry, transfers', () => {
  let exported: Exported;
  let bus: TransferBus;
  let end: TransferClient;

  before(() => {
    exported = new Exported();
  });
  beforeEach(async () => {
    bus = new TransferBus();
    bus.server.use(telemetry({ nameOf: String }));
    bus.server.handle((question) => question);
    bus.transfers.add('map');
    await bus.server.start();
    const made = bus.client();
    made.client.use(telemetry({ nameOf: String }));
    made.client.handle((question) => question);
    end = { ...made, peer: await bus.join(made.client) };
    exported.forget();
  });
  afterEach(async () => {
    await bus.close();
    expect(bus.errors).to.deep.equal([]);
  });
  after(() => exported.stop());

  it('to a client - its receiver asks in the trace of who sends', async () => {
    end.transfers.receive('map', () => end.client.request('received'));
    bus.transfers.interrupt('map', () => end.peer.request('interrupted').then(() => true));
    await exported.within('user', () => bus.transfers.send('map', 'x'.repeat(100_000), end.peer).receipt);
    await until(() => exported.spans.length === 7);
    expect(exported.tree.filter((line) => !line.includes('interrupted'))).to.deep.equal([
      'internal user',
      '  client interserve',
      '    server interserve',
      '      client received',
      '        server received',
    ]);
    expect(exported.tree.filter((line) => line.includes('interrupted'))).to.deep.equal([
      '  client interrupted',
      '    server interrupted',
    ]);
    expect([exported.broken, exported.traces]).to.deep.equal([[], 1]);
  });

  it('to the server - its handshake, interrupt and receiver ask in the trace of who sends', async () => {
    const ask = (question: string) => async (): Promise<true> => {
      await end.peer.request(question);
      return true;
    };
    bus.transfers.handshake('map', ask('handshake'));
    bus.transfers.interrupt('map', ask('interrupt'));
    bus.transfers.receive('map', ask('received'));
    await exported.within('user', () => end.transfers.send('map', Buffer.alloc(100_000)).receipt);
    await until(() => exported.spans.length === 9);
    const asked = ['handshake', 'interrupt', 'received'].flatMap((name) => [
      `      client ${name}`,
      `        server ${name}`,
    ]);
    expect(exported.tree).to.deep.equal(['internal user', '  client interserve', '    server interserve', ...asked]);
    expect([exported.broken, exported.traces]).to.deep.equal([[], 1]);
  });
});
