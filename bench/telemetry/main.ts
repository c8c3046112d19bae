import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  InMemorySpanExporter,
} from '@opentelemetry/sdk-trace-base';
import { Client, Server } from '../../lib/index.ts';
import { telemetry } from '../../lib/plugins/telemetry/index.ts';
import { payload } from '../payloads.ts';

const measureMs = 10_000;
const warmRounds = 12;
const inFlight = 500;

/** What costs how much CPU, both ends together; without telemetry twice, which shows how far the figures can be trusted. */
const ways = [
  { name: 'no telemetry' },
  { name: 'no telemetry, again' },
  { name: 'sampler off', ratio: 1, isSampled: false },
  { name: 'ratio 0', ratio: 0, isSampled: true },
  { name: 'ratio 0.01', ratio: 0.01, isSampled: true },
];

let isSampled = false;

function register(): void {
  const [on, off] = [new AlwaysOnSampler(), new AlwaysOffSampler()];
  const exporter = new InMemorySpanExporter();
  setInterval(() => exporter.reset(), 500).unref();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({
      sampler: { shouldSample: () => (isSampled ? on : off).shouldSample() },
      spanProcessors: [new BatchSpanProcessor(exporter)],
    }),
  );
}

interface Pair {
  readonly name: string;
  readonly isSampled: boolean;
  readonly requests: (count: number) => Promise<void>;
  readonly messages: (count: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

async function pairOf({ name, ratio, isSampled: samples = false }: (typeof ways)[number], at: number): Promise<Pair> {
  const path = join(tmpdir(), `busbar-telemetry-${process.pid}-${at}.sock`);
  const server = new Server({ path });
  const client = new Client({ path });
  if (ratio !== undefined) for (const end of [server, client]) end.use(telemetry({ ratio }));
  const value = payload('game').values[0];
  server.handle((data: unknown) => data);
  server.on('message', () => {});
  await server.start();
  await client.connect();
  return {
    name,
    isSampled: samples,
    async requests(count) {
      for (let asked = 0; asked < count; asked += inFlight) {
        await Promise.all(Array.from({ length: inFlight }, () => client.request(value)));
      }
    },
    async messages(count) {
      for (let sent = 0; sent < count; sent += inFlight) {
        await Promise.all(Array.from({ length: inFlight }, () => client.send(value)));
      }
      await client.flush();
    },
    async close() {
      await client.close();
      await server.close();
    },
  };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** All pairs by turns, some milliseconds each, so that what else the machine does is the same for all. */
async function measure(pairs: readonly Pair[], operation: 'requests' | 'messages', count: number): Promise<void> {
  const costs = pairs.map((): number[] => []);
  const end = performance.now() + measureMs;
  for (let round = 0; performance.now() < end || round <= warmRounds; round++) {
    for (const [index, pair] of pairs.entries()) {
      isSampled = pair.isSampled;
      const before = process.cpuUsage();
      await pair[operation](count);
      const { user, system } = process.cpuUsage(before);
      if (round >= warmRounds) costs[index]?.push((user + system) / count);
    }
  }
  for (const [index, { name }] of pairs.entries()) {
    const own = costs[index] ?? [];
    const more = median(own.map((us, round) => us / (costs[0]?.[round] ?? us))) - 1;
    console.log(`${operation}, ${name}: ${median(own).toFixed(2)} us of CPU each, ${(more * 100).toFixed(1)} % more`);
  }
}

register();
const pairs = await Promise.all(ways.map(pairOf));
await measure(pairs, 'requests', 3_000);
await measure(pairs, 'messages', 8_000);
await Promise.all(pairs.map((pair) => pair.close()));
