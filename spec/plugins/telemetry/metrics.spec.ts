import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Registry } from 'prom-client';
import { telemetry } from '../../../lib/plugins/telemetry/index.ts';
import { metricsIn } from '../../../lib/plugins/telemetry/metrics.ts';
import { Bus, contract, native, until } from '../../support/buses.ts';

/** The lines of a registry that are values. */
async function lines(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

contract(
  'telemetry, metrics',
  (bus) => {
    it('counts - are those of stats() of both ends, in one registry', async () => {
      const registry = new Registry();
      const server = bus().newServer();
      const client = bus().newClient();
      server.use(telemetry({ spans: 'off', metrics: registry }));
      client.use(telemetry({ spans: 'off', metrics: registry, bus: 'mine' }));
      server.handle((data) => data);
      server.on('message', () => {});
      await server.start();
      await client.connect();
      for (let count = 0; count < 3; count++) await client.request(count);
      await client.send('x', { confirm: true });
      const found = await lines(registry);
      expect(found).to.include('busbar_requests_sent_total{bus="mine",lane="user"} 3');
      expect(found).to.include('busbar_requests_received_total{bus="server",lane="user"} 3');
      expect(found).to.include('busbar_messages_received_total{bus="server",lane="user"} 1');
      expect(found).to.include('busbar_connections{bus="server",state="attached"} 1');
      expect(found).to.include('busbar_handler_duration_seconds_count{bus="server"} 3');
      expect(found).to.include('busbar_handler_duration_seconds_bucket{bus="server",le="+Inf"} 3');
      expect(found).to.include('busbar_request_duration_seconds_bucket{bus="mine",le="+Inf"} 4');
      for (const name of [
        'handler_duration_seconds_bucket{bus="server"',
        'request_duration_seconds_bucket{bus="mine"',
      ]) {
        const buckets = found.flatMap((line) => {
          const [, le = '', count] = /le="([^"]+)"\} (\d+)$/.exec(line.startsWith(`busbar_${name}`) ? line : '') ?? [];
          return count === undefined ? [] : [[le === '+Inf' ? Infinity : Number(le), Number(count)] as const];
        });
        expect(buckets.length).to.be.greaterThan(10);
        expect(buckets).to.deep.equal([...buckets].sort(([one], [other]) => one - other));
        expect(buckets.map(([, count]) => count)).to.deep.equal(
          buckets.map(([, count]) => count).sort((a, b) => a - b),
        );
      }
      expect(found).to.include('busbar_request_duration_seconds_count{bus="mine"} 4');
      expect(found.find((line) => line.startsWith('busbar_sent_bytes_total{bus="mine"'))).to.match(/ [1-9]\d+$/);
    });

    it('those that were disposed - still count, so that no counter goes back', async () => {
      const registry = new Registry();
      await bus().server();
      const client = bus().newClient();
      client.use(telemetry({ spans: 'off', metrics: registry }));
      await client.connect();
      await client.send('x', { confirm: false });
      await client.flush();
      await client[Symbol.asyncDispose]();
      const other = bus().newClient();
      other.use(telemetry({ spans: 'off', metrics: registry }));
      await other.connect();
      await other.send('y');
      const found = await lines(registry);
      expect(found).to.include('busbar_messages_sent_total{bus="client",lane="user"} 2');
      expect(found).to.include('busbar_connections{bus="client",state="attached"} 1');
    });

    it('series - are as many for many clients as for one, whatever these name', async () => {
      const registry = new Registry();
      const server = bus().newServer({ max: 100 });
      server.use(telemetry({ spans: 'off', metrics: registry }));
      await server.start();
      await bus().client({}, { name: 'first' });
      const before = (await lines(registry)).length;
      const hostile = (host: import('../../../lib/index.ts').PluginHost) => ({ api: host.lane({}) });
      for (let count = 0; count < 20; count++) {
        const client = bus().newClient();
        const lane = client.use({ name: `lane "\n${count}`, install: hostile });
        await client.connect({ name: `"} evil{${count}` });
        await lane.send(client, count);
      }
      await until(() => server.stats().messages.received === 20);
      const found = await lines(registry);
      // One more for each of the six counts by lane: all that no plugin here has.
      expect(found).to.have.lengthOf(before + 6);
      expect(found).to.include('busbar_messages_received_total{bus="server",lane="other"} 20');
      expect(found.join('\n')).to.not.include('evil');
    });
  },
  { on: ['memory'], speaking: [native] },
);

describe('telemetry, names', () => {
  it('metrics - have the units and the ends that Prometheus asks for', async () => {
    const registry = new Registry();
    const bus = new Bus('memory', native);
    const server = bus.newServer();
    server.use(telemetry({ spans: 'off', metrics: registry }));
    for (const { name, type } of await registry.getMetricsAsJSON()) {
      expect(name).to.match(/^busbar_[a-z_]+$/);
      expect(name.endsWith('_total'), name).to.equal(String(type) === 'counter');
      if (String(type) === 'histogram') expect(name).to.match(/_seconds$/);
    }
    expect(metricsIn(registry)).to.equal(metricsIn(registry));
    await bus.close();
  });

  it('options - that are none are refused', async () => {
    const bus = new Bus('memory', native);
    const server = bus.newServer();
    for (const options of [{ spans: 'some' }, { metrics: {} }, { span: 'all' }]) {
      expect(() => server.use(telemetry(options as never)))
        .to.throw()
        .with.property('code', 'ERR_INVALID_OPTION');
    }
    await bus.close();
  });

  it('a package that is not installed - is named, with how to install it', async () => {
    const { installed } = await import('../../../lib/plugins/telemetry/packages.ts');
    expect(() => installed('@busbar/not-there'))
      .to.throw('npm install @busbar/not-there')
      .with.property('code', 'ERR_PLUGIN');
  });
});
