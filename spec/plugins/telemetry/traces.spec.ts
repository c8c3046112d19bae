import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-base';
import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import {
  type Client,
  type ClientOptions,
  type Connection,
  type Server,
  type ServerOptions,
} from '../../../lib/index.ts';
import { proxy, remote } from '../../../lib/plugins/rpc/index.ts';
import { services } from '../../../lib/plugins/services/index.ts';
import { telemetry, type TelemetryOptions } from '../../../lib/plugins/telemetry/index.ts';
import { Bus, contract, native, next, until } from '../../support/buses.ts';
import { Exported } from './exported.ts';

/** Both ends with telemetry. */
async function traced(
  bus: Bus,
  options: TelemetryOptions = {},
  prepare: (server: Server, client: Client) => void = () => {},
  [serverOptions, clientOptions]: readonly [ServerOptions, ClientOptions] = [{}, {}],
): Promise<{ server: Server; client: Client; connection: Connection }> {
  const server = bus.newServer(serverOptions);
  const client = bus.newClient(clientOptions);
  server.use(telemetry(options));
  client.use(telemetry(options));
  prepare(server, client);
  await server.start();
  await client.connect();
  return { server, client, connection: server.connection(client.id!)! };
}

contract(
  'telemetry, traces',
  (bus) => {
    let exported: Exported;

    before(() => {
      exported = new Exported();
    });
    afterEach(() => exported.forget());
    after(() => exported.stop());

    it('request - handler, a further request and its handler are one trace', async () => {
      const { server, client } = await traced(bus());
      client.handle(async (data) => `${String(data)}, and back`);
      server.handle(async (data, { peer }) => peer.request(data));
      const answer = await exported.within('user', () => client.request('there'));
      expect(answer).to.equal('there, and back');
      await until(() => exported.spans.length === 5);
      expect(exported.tree).to.deep.equal([
        'internal user',
        '  client request',
        '    server request',
        '      client request',
        '        server request',
      ]);
      const [span] = exported.spans;
      expect(span?.attributes).to.include({ 'rpc.system.name': 'busbar', 'rpc.method': 'request' });
    });

    it('request outside of a span - begins a trace, each its own', async () => {
      const { server, client } = await traced(bus(), { nameOf: (data) => String(data) });
      server.handle((data) => data);
      await Promise.all(['one', 'two', 'three'].map((name) => client.request(name)));
      await until(() => exported.spans.length === 6);
      expect(exported.traces).to.equal(3);
      expect(exported.tree.filter((line) => line.startsWith('client')).sort()).to.deep.equal([
        'client one',
        'client three',
        'client two',
      ]);
      expect(exported.broken).to.deep.equal([]);
    });

    it('request that fails - its code is that of both spans', async () => {
      const { server, client } = await traced(bus());
      server.handle(() => {
        throw Object.assign(new Error('no'), { code: 'E_NO' });
      });
      await client.request('x').catch(() => {});
      await until(() => exported.spans.length === 2);
      for (const span of exported.spans) {
        expect(span.attributes).to.include({ 'error.type': 'E_NO', 'rpc.response.status_code': 'E_NO' });
        expect(span.status.code).to.equal(2);
      }
    });

    it('message - its listeners and loops run in the context of its sender, without a span of its own', async () => {
      const { server, client, connection } = await traced(bus());
      client.handle(() => 'answer');
      server.on('message', async () => {
        await connection.request('from a listener');
      });
      await exported.within('user', () => client.send('x'));
      await until(() => exported.spans.length === 3);
      expect(exported.tree).to.deep.equal(['internal user', '  client request', '    server request']);
    });

    it('messages without a context - are handled in none, even if the link was opened in one', async () => {
      const server = bus().newServer();
      const client = bus().newClient();
      const seen: unknown[] = [];
      server.use(telemetry());
      client.use(telemetry());
      client.on('message', () => seen.push(trace.getSpanContext(context.active())));
      await exported.within('start', async () => {
        await server.start();
        await client.connect();
      });
      await server.broadcast('x');
      await context.with(ROOT_CONTEXT, () => server.connections[0]?.send('y'));
      await until(() => seen.length === 2);
      expect(seen).to.deep.equal([undefined, undefined]);
    });

    it('survey and broadcast - clients handle them in the context of who asked or sent', async () => {
      const { server, client } = await traced(bus());
      const heard: unknown[] = [];
      client.handle(() => 'here');
      client.on('message', () => heard.push(trace.getSpanContext(context.active())?.traceId));
      const traceId = await exported.within('user', async () => {
        await server.survey('who');
        await server.broadcast({ to: 'all' });
        return trace.getSpanContext(context.active())?.traceId;
      });
      await until(() => heard.length === 1 && exported.spans.length === 3);
      expect(heard).to.deep.equal([traceId]);
      expect(exported.tree).to.deep.equal(['internal user', '  client request', '    server request']);
    });

    it('all - sends and broadcasts have spans, and their handlers', async () => {
      const { server, client } = await traced(bus(), { spans: 'all', nameOf: (data) => String(data) });
      server.on('message', () => {});
      client.on('message', () => {});
      await exported.within('user', async () => {
        await client.send('up', { confirm: true });
        await server.broadcast('down');
      });
      await until(() => exported.spans.length === 5);
      expect(exported.tree).to.deep.equal([
        'internal user',
        '  producer send up',
        '    consumer process up',
        '  producer send down',
        '    consumer process down',
      ]);
    });

    it('links - where a message is to have a trace of its own', async () => {
      const { server, client } = await traced(bus(), { spans: 'all', parent: false });
      server.on('message', () => {});
      await client.send('up');
      await until(() => exported.spans.length === 2);
      const [sent, processed] = [...exported.spans].sort((a, b) => a.kind - b.kind);
      expect(processed?.parentSpanContext).to.equal(undefined);
      expect(processed?.links.map((link) => link.context.spanId)).to.deep.equal([sent?.spanContext().spanId]);
    });

    it('remote calls - are called as their methods, and an error is one', async () => {
      const { server, client } = await traced(bus());
      remote(server, {
        add: (a: number, b: number) => a + b,
        fail: () => {
          throw Object.assign(new Error('no'), { code: 'E_NO' });
        },
      });
      const far = proxy<{ add(a: number, b: number): number; fail(): void }>(client);
      await exported.within('user', () => far.add(1, 2));
      await far.fail().catch(() => {});
      await until(() => exported.spans.length === 5);
      expect(exported.tree).to.deep.equal([
        'internal user',
        '  client add',
        '    server add',
        'client fail',
        '  server fail',
      ]);
      const failed = exported.spans.filter(({ name }) => name === 'fail');
      expect(failed.map(({ attributes }) => attributes['error.type'])).to.deep.equal(['E_NO', 'E_NO']);
    });

    it('services - a call is one trace over the hub, to a pool and to a key, also where it waited', async () => {
      const made = await traced(bus(), {}, (server) => void server.use(services()));
      const provider = bus().newClient();
      const caller = bus().newClient();
      for (const client of [provider, caller]) client.use(telemetry());
      const offered = provider.use(services({ name: 'provider' }));
      offered.provide('desk', { find: async (ticket: number) => made.connection.id && ticket }, { concurrency: 1 });
      offered.own('room', {
        methods: ['join'],
        open: (key: string) => ({ join: (who: string) => `${who} in ${key}` }),
      });
      const mine = caller.use(services({ name: 'caller' }));
      await provider.connect();
      await caller.connect();
      exported.forget();
      const desk = mine.service<{ find(ticket: number): number }>('desk');
      const room = mine.service<{ join(who: string): string }>('room').key('1');
      await exported.within('user', async () => {
        await Promise.all([desk.call.find(1), desk.call.find(2), room.call.join('ann')]);
      });
      await until(() => exported.spans.filter(({ name }) => name === 'find' || name === 'join').length >= 12);
      expect(exported.broken).to.deep.equal([]);
      expect(exported.traces).to.equal(1);
    });

    it('a cut link - what waited for it and what was sent again keep their contexts', async () => {
      const { server, client, connection } = await traced(bus(), {}, () => {}, [{}, { maxPendingMessages: 2 }]);
      const heard: unknown[] = [];
      server.on('message', () => heard.push(trace.getSpanContext(context.active())?.traceId));
      server.handle((data) => data);
      bus().cut(connection);
      const ids = await Promise.all(
        ['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
          exported.within(name, async () => {
            void client.send(name);
            await client.request(name);
            return trace.getSpanContext(context.active())?.traceId;
          }),
        ),
      );
      await until(() => heard.length === 6 && exported.spans.length === 18);
      expect([...heard].sort()).to.deep.equal([...ids].sort());
      expect(exported.broken).to.deep.equal([]);
      expect(exported.traces).to.equal(6);
      bus().takeErrors();
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);

contract(
  'telemetry, takeover',
  (bus) => {
    let exported: Exported;

    before(() => {
      exported = new Exported();
    });
    after(() => exported.stop());

    it('requests before, during and after - each is one trace with its handler', async () => {
      const { server, client } = await traced(bus());
      server.handle((data) => data);
      const heir = bus().newServer();
      heir.use(telemetry());
      heir.handle((data) => data);
      const closed = next(server, 'close');
      const starting = heir.start({ takeover: true });
      let asked = 0;
      const ask = async (): Promise<void> => {
        asked += 1;
        await exported.within('user', () => client.request(asked, { idempotent: true }));
      };
      const moved = next(client, 'ready');
      while (heir.connections.length === 0) await Promise.all([ask(), ask()]);
      await Promise.all([starting, closed, moved, ask()]);
      await until(() => exported.spans.length === asked * 3);
      expect(exported.broken).to.deep.equal([]);
      expect(exported.traces).to.equal(asked);
      expect(heir.stats().requests.received).to.be.greaterThan(0);
    });
  },
  { on: ['unix'], speaking: [native] },
);

describe('telemetry, not sampled', () => {
  let exported: Exported;

  before(() => {
    exported = new Exported(new AlwaysOffSampler());
  });
  after(() => exported.stop());

  it('requests and messages - have no byte more than without telemetry', async () => {
    const bytes: number[] = [];
    for (const isTraced of [false, true]) {
      const bus = new Bus('memory', native);
      const { server, client } = isTraced ? await traced(bus, { spans: 'all' }) : await bus.pair();
      server.handle((data) => data);
      await exported.within('user', async () => {
        await client.request('what');
        await client.send('that');
      });
      bytes.push(client.stats().bytes.sent);
      await bus.close();
    }
    expect(bytes[0]).to.equal(bytes[1]);
  });
});
