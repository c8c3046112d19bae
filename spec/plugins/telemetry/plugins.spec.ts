import { context, trace } from '@opentelemetry/api';
import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import { channels } from '../../../lib/plugins/channels/index.ts';
import { gateway } from '../../../lib/plugins/gateway/index.ts';
import { telemetry } from '../../../lib/plugins/telemetry/index.ts';
import { Bus, native, until } from '../../support/buses.ts';
import { get } from '../gateway/gateway-kit.ts';
import { Exported } from './exported.ts';

const traceId = (): string | undefined => trace.getSpanContext(context.active())?.traceId;

describe('telemetry, messages of plugins', () => {
  let exported: Exported;
  let bus: Bus;

  before(() => {
    exported = new Exported();
  });
  afterEach(async () => {
    exported.forget();
    await bus.close();
  });
  after(() => exported.stop());

  it('gateway - what a worker asks for an event belongs to the trace of the event', async () => {
    bus = new Bus('unix', native);
    const server = bus.newServer();
    server.use(telemetry({ spans: 'all' }));
    const front = server.use(gateway({ http: { port: 0 } }));
    server.handle((data) => data);
    await server.start();
    const client = bus.newClient();
    client.use(telemetry({ spans: 'all' }));
    const worker = client.use(gateway());
    await client.connect();
    worker.http.on('HTTP_REQUEST_FINISHED', async (_, { clientID }) => {
      await worker.http.sendResponse(clientID, String(await client.request('price')));
    });
    await worker.http.addRoute('/price');
    exported.forget();
    expect((await get(front.http?.port ?? 0, '/price')).text).to.equal('price');
    await until(() => exported.tree.includes('      server request'));
    const asked = exported.tree.indexOf('    client request');
    expect(exported.tree.slice(0, 2)).to.deep.equal(['producer send gateway', '  consumer process gateway']);
    expect(exported.tree.slice(asked, asked + 2)).to.deep.equal(['    client request', '      server request']);
    expect(exported.broken).to.deep.equal([]);
    expect(exported.traces).to.equal(1);
  });

  it('topics - are heard in the trace of who publishes', async () => {
    bus = new Bus('unix', native);
    const server = bus.newServer();
    server.use(telemetry());
    server.use(channels());
    await server.start();
    const [publisher, subscriber] = [bus.newClient(), bus.newClient()];
    for (const client of [publisher, subscriber]) client.use(telemetry());
    const [theirs, mine] = [publisher.use(channels()), subscriber.use(channels())];
    await Promise.all([publisher.connect(), subscriber.connect()]);
    const heard: unknown[] = [];
    mine.subscribe('room.*', () => heard.push(traceId()));
    await subscriber.ping();
    const published = await exported.within('user', async () => {
      await theirs.publish('room.1', 'hello');
      return traceId();
    });
    await until(() => heard.length === 1);
    expect(heard).to.deep.equal([published]);
  });
});
