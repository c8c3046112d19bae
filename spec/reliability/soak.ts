import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../../lib/base/system-clock.ts';
import { withinTime } from '../../lib/base/wait.ts';
import { Client, type ClientOptions, type Connection, Server, type ServerOptions } from '../../lib/index.ts';
import { FaultProxy, type ProxyAddress, type ProxyFaults, SeededRandom } from '../../lib/testing/index.ts';
import { dialects, eager, next, sleep } from '../support/buses.ts';
import { certificate } from '../support/certificate.ts';
import type { Stage } from './process.ts';
import { Tally } from './tally.ts';

export interface SoakFigures {
  readonly faults: number;
  readonly sent: number;
  readonly taken: number;
  /** Of the clients of the `session` tier. */
  readonly lost: number;
  /** Of the clients that speak net-ipc, which may lose what is under way when a link breaks. */
  readonly legacyMissed: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly sessionsLost: number;
  readonly neverSettled: number;
  readonly failedRequests: number;
  /** Change of resident memory in ten minutes, by the line through what was seen after the first quarter. */
  readonly residentMiBIn10Min: number;
  readonly moreFiles: number;
  readonly loopP99Ms: number;
}

const roads = ['unix', 'tcp', 'tls'] as const;
const clientCount = 50;
const sendEveryMs = 50;
const askEveryMs = 500;
const faultEveryMs = 1_000;
const timing = { heartbeatIntervalMs: 1_000, heartbeatTimeoutMs: 1_000 };

/** A server behind a proxy, as one kind of link has it. */
interface Road {
  readonly server: Server;
  readonly proxy: FaultProxy;
  readonly client: ClientOptions;
}

/** One client, and both directions of its conversation. */
interface Line {
  readonly client: Client;
  readonly keeps: boolean;
  connection: Connection | undefined;
  readonly up: Tally;
  readonly down: Tally;
  sentUp: number;
  sentDown: number;
}

async function open(stage: Stage, road: (typeof roads)[number], random: SeededRandom): Promise<Road> {
  const at: ServerOptions = road === 'unix' ? { path: stage.path('t') } : { port: 0 };
  const server = await new Server({ ...at, ...timing, ...(road === 'tls' ? { tls: certificate } : {}) }).start();
  server.on('error', () => {});
  server.handle((data) => data);
  const target: ProxyAddress = road === 'unix' ? { path: stage.path('t') } : { port: server.port ?? 0 };
  const listen: ProxyAddress = road === 'unix' ? { path: stage.path('p') } : { port: 0 };
  const proxy = await new FaultProxy({ listen, target, random }).start();
  const to: ClientOptions = road === 'unix' ? { path: stage.path('p') } : { port: proxy.port ?? 0 };
  const tls = road === 'tls' ? { tls: { ca: certificate.cert, servername: 'localhost' } } : {};
  return { server, proxy, client: { ...to, ...tls, ...timing, random: eager } };
}

/** Something goes wrong on one road, for a while. */
async function strike({ server, proxy }: Road, random: SeededRandom): Promise<void> {
  const whileMs = random.between(50, 900);
  const faults = random.pick<ProxyFaults | 'reset' | 'refuse' | 'destroy' | 'pause'>([
    { sliceBytes: random.between(1, 500) },
    { cutAfterBytes: random.between(1, 20_000) },
    { latencyMs: random.between(1, 100) },
    { slowCloseMs: random.between(1, 200) },
    { bytesPerSecond: 200_000 },
    { blackHole: true },
    'reset',
    'refuse',
    'destroy',
    'pause',
  ]);
  if (faults === 'reset') proxy.reset();
  else if (faults === 'destroy') random.pick(server.connections)?.connection?.destroy();
  else if (faults === 'pause') server.pause();
  else if (faults === 'refuse') {
    proxy.refusing = true;
    proxy.reset();
  } else {
    proxy.apply(faults);
    if (faults.slowCloseMs !== undefined) proxy.reset();
  }
  await sleep(whileMs);
  server.resume();
  proxy.heal();
}

/** Fifty clients of all codecs talk with three servers for `minutes`, while something goes wrong every second. */
export async function soak(stage: Stage, minutes: number, seed: number): Promise<SoakFigures> {
  const random = new SeededRandom(seed);
  const open3 = await Promise.all(roads.map((road) => open(stage, road, random)));
  let sessionsLost = 0;
  let neverSettled = 0;
  let failedRequests = 0;

  const lines: Line[] = [];
  const byName = new Map<unknown, Line>();
  for (const { server } of open3) {
    server.on('connect', (connection, name) => {
      const line = byName.get(name);
      if (line !== undefined) line.connection = connection;
    });
    server.on('message', (data) => {
      const { name, number } = data as { name: number; number: number };
      byName.get(name)?.up.note(number);
    });
  }
  for (let name = 0; name < clientCount; name++) {
    const road = open3[name % open3.length] as Road;
    const dialect = dialects[name % dialects.length];
    const client = new Client({ ...road.client, ...dialect?.client });
    client.on('error', () => {});
    const line: Line = {
      client,
      keeps: dialect?.tier === 'session',
      connection: undefined,
      up: new Tally(),
      down: new Tally(),
      sentUp: 0,
      sentDown: 0,
    };
    client.on('message', (data) => line.down.note((data as { number: number }).number));
    client.on('session', ({ outcome }) => {
      if (outcome === 'lost') sessionsLost += 1;
    });
    byName.set(name, line);
    lines.push(line);
    await client.connect(name);
  }
  const files = (): number => readdirSync('/proc/self/fd').length;
  const filesBefore = files();
  const send = (peer: Client | Connection, data: unknown): void => {
    neverSettled += 1;
    peer.send(data).then(
      () => (neverSettled -= 1),
      () => (neverSettled -= 1),
    );
  };
  const talk = setInterval(() => {
    lines.forEach((line, name) => {
      send(line.client, { name, number: line.sentUp++, text: 'something to say' });
      if (line.connection !== undefined) send(line.connection, { number: line.sentDown++, text: 'an answer to it' });
    });
  }, sendEveryMs);
  const ask = setInterval(() => {
    for (const { client, keeps } of lines) {
      neverSettled += 1;
      client
        .request('still there?', 30_000)
        .catch(() => {
          if (keeps) failedRequests += 1;
        })
        .finally(() => (neverSettled -= 1));
    }
  }, askEveryMs);

  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const resident: { readonly minute: number; readonly bytes: number }[] = [];
  const startedAt = performance.now();
  const minute = (): number => (performance.now() - startedAt) / 60_000;
  let faults = 0;
  while (minute() < minutes) {
    const struckAt = performance.now();
    await strike(random.pick(open3), random);
    faults += 1;
    resident.push({ minute: minute(), bytes: process.memoryUsage.rss() });
    await sleep(Math.max(0, faultEveryMs - (performance.now() - struckAt)));
  }
  loop.disable();
  clearInterval(talk);
  clearInterval(ask);
  for (const { client } of lines) if (client.status !== 3) await next(client, 'ready');
  const flushing = lines.flatMap(({ client, connection }) =>
    connection === undefined ? [client.flush()] : [client.flush(), connection.flush()],
  );
  await withinTime(systemClock, 30_000, Promise.all(flushing));
  for (const end = performance.now() + 30_000; neverSettled > 0 && performance.now() < end; ) await sleep(20);
  // Links that were given up are closed by then at both ends of the proxies.
  for (const end = performance.now() + 10_000; files() > filesBefore && performance.now() < end; ) await sleep(100);
  const moreFiles = files() - filesBefore;
  const sum = (count: (line: Line) => number, which: (line: Line) => boolean = () => true): number =>
    lines.filter(which).reduce((total, line) => total + count(line), 0);
  const missed = (line: Line): number => line.sentUp + line.sentDown - line.up.taken - line.down.taken;
  const figures = {
    faults,
    sent: sum(({ sentUp, sentDown }) => sentUp + sentDown),
    taken: sum(({ up, down }) => up.taken + down.taken),
    lost: sum(missed, ({ keeps }) => keeps),
    legacyMissed: sum(missed, ({ keeps }) => !keeps),
    doubled: sum(({ up, down }) => up.doubled + down.doubled),
    outOfOrder: sum(({ up, down }) => up.outOfOrder + down.outOfOrder),
    sessionsLost,
    neverSettled,
    failedRequests,
    residentMiBIn10Min:
      Math.round((slope(resident.filter((seen) => seen.minute > minutes / 4)) * 100) / 1_048_576) / 10,
    moreFiles,
    loopP99Ms: Math.round(loop.percentile(99) / 1e5) / 10,
  };
  for (const { client } of lines) client.destroy();
  for (const { server, proxy } of open3) {
    await proxy.close();
    await server.close();
  }
  return figures;
}

/** Bytes a minute, by least squares. */
function slope(seen: readonly { readonly minute: number; readonly bytes: number }[]): number {
  const mean = (of: (one: { minute: number; bytes: number }) => number): number =>
    seen.reduce((total, one) => total + of(one), 0) / Math.max(1, seen.length);
  const middle = mean(({ minute }) => minute);
  const level = mean(({ bytes }) => bytes);
  const along = seen.reduce((total, { minute, bytes }) => total + (minute - middle) * (bytes - level), 0);
  const spread = seen.reduce((total, { minute }) => total + (minute - middle) ** 2, 0);
  return spread === 0 ? 0 : along / spread;
}
