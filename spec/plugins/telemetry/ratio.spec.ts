import { context, trace, TraceFlags } from '@opentelemetry/api';
import { AlwaysOnSampler, type Sampler, type SamplingResult } from '@opentelemetry/sdk-trace-base';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import type { Client, ClientOptions, Server } from '../../../lib/index.ts';
import { telemetry, type TelemetryOptions } from '../../../lib/plugins/telemetry/index.ts';
import { SeededRandom } from '../../../lib/testing/index.ts';
import { Bus, native, until } from '../../support/buses.ts';
import { Exported } from './exported.ts';

/** Samples everything, and counts how often the SDK was asked for a span. */
class CountingSampler implements Sampler {
  asked = 0;
  readonly #always = new AlwaysOnSampler();

  shouldSample(): SamplingResult {
    this.asked += 1;
    return this.#always.shouldSample();
  }
}

describe('telemetry, ratio', () => {
  const sampler = new CountingSampler();
  let exported: Exported;
  let bus: Bus;

  /** What a handler got, with the span it ran in. */
  let handled: (string | undefined)[];

  async function pair(
    ofServer: TelemetryOptions | undefined,
    ofClient: TelemetryOptions | undefined,
    options: ClientOptions = {},
  ): Promise<{ server: Server; client: Client }> {
    const server = bus.newServer();
    const client = bus.newClient(options);
    if (ofServer !== undefined) server.use(telemetry(ofServer));
    if (ofClient !== undefined) client.use(telemetry(ofClient));
    server.handle((data) => {
      handled.push(trace.getSpanContext(context.active())?.traceId);
      return data;
    });
    await server.start();
    await client.connect();
    return { server, client };
  }

  before(() => {
    exported = new Exported(sampler);
  });
  beforeEach(() => {
    bus = new Bus('memory', native);
    handled = [];
    sampler.asked = 0;
  });
  afterEach(async () => {
    exported.forget();
    await bus.close();
  });
  after(() => exported.stop());

  it('takes numbers from 0 to 1', () => {
    for (const ratio of [0, 0.5, 1]) expect(() => bus.newClient().use(telemetry({ ratio }))).not.to.throw();
    for (const ratio of [-0.1, 1.1, Number.NaN, Number.POSITIVE_INFINITY, '1', null]) {
      const options = { ratio } as TelemetryOptions;
      expect(() => bus.newClient().use(telemetry(options)), String(ratio))
        .to.throw(/"ratio" must be number from 0 to 1/)
        .with.property('code', 'ERR_INVALID_OPTION');
    }
  });

  it('0 - a request outside a span never reaches the SDK, and its handler runs in none', async () => {
    const { client } = await pair({ ratio: 0 }, { ratio: 0 });
    await client.request('x');
    expect(handled).to.deep.equal([undefined]);
    expect(sampler.asked).to.equal(0);
  });

  it('0 - a request in a sampled span is followed at both ends', async () => {
    const { client } = await pair({ ratio: 0 }, { ratio: 0 });
    await exported.within('user', () => client.request('x'));
    await until(() => exported.spans.length === 3);
    expect(exported.tree).to.deep.equal(['internal user', '  client request', '    server request']);
    expect(handled).to.deep.equal([exported.spans[0]?.spanContext().traceId]);
  });

  it('an active span that is not sampled - nothing is asked of the SDK, the span stays active', async () => {
    const { client } = await pair({}, {});
    const unsampled = {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: TraceFlags.NONE,
    };
    const within = trace.setSpanContext(context.active(), unsampled);
    const present = await context.with(within, async () => {
      await client.request('x');
      return trace.getSpanContext(context.active());
    });
    expect(present).to.equal(unsampled);
    expect(handled).to.deep.equal([undefined]);
    expect(sampler.asked).to.equal(0);
  });

  it('a share - of 1,000 requests about as many are traces, each with its handler', async () => {
    const { client } = await pair({}, { ratio: 0.2 }, { random: new SeededRandom(7) });
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => client.request(index)));
    await until(() => exported.spans.length === exported.traces * 2);
    expect(exported.traces).to.be.within(150, 250);
    expect(handled.filter((id) => id !== undefined)).to.have.length(exported.traces);
    expect(exported.broken).to.deep.equal([]);
    expect(sampler.asked).to.equal(exported.spans.length);
  });

  it('a client without telemetry, 0 at its server - its requests begin no trace', async () => {
    const { client } = await pair({ ratio: 0 }, undefined);
    await client.request('x');
    expect(handled).to.deep.equal([undefined]);
    expect(sampler.asked).to.equal(0);
  });

  it('a client without telemetry, 1 at its server - each request begins a trace there', async () => {
    const { client } = await pair({}, undefined);
    await client.request('x');
    await until(() => exported.spans.length === 1);
    expect(exported.tree).to.deep.equal(['server request']);
  });

  it('all - messages outside a span have a share too', async () => {
    const { server, client } = await pair({ spans: 'all', ratio: 0 }, { spans: 'all', ratio: 0 });
    const heard: unknown[] = [];
    server.on('message', (data) => heard.push(data));
    await client.send('x');
    await server.broadcast('y');
    await until(() => heard.length === 1);
    expect(sampler.asked).to.equal(0);
    await exported.within('user', () => client.send('x'));
    await until(() => exported.spans.length === 3);
    expect(exported.tree).to.deep.equal(['internal user', '  producer send message', '    consumer process message']);
  });
});
