import { Client, type ClientOptions, type Connection, Server, type ServerOptions } from '../../lib/index.ts';
import { FaultProxy, type ProxyAddress, type ProxyFaults, SeededRandom } from '../../lib/testing/index.ts';
import { certificate } from '../support/certificate.ts';
import { eager, sleep } from '../support/buses.ts';
import type { Stage } from './process.ts';
import { Tally } from './tally.ts';

export type Road = 'unix' | 'tcp' | 'tls';

export interface ExchangeFigures {
  readonly messages: number;
  readonly disconnects: number;
  readonly resumed: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly neverSettled: number;
  readonly ms: number;
}

const batch = 200;

/** Faults of the kinds a proxy has, each for a while and each followed by a broken link. */
function menu(random: SeededRandom): ProxyFaults {
  return random.pick<ProxyFaults>([
    {},
    {},
    { sliceBytes: random.between(20, 2_000) },
    { cutAfterBytes: random.between(1, 100_000) },
    { latencyMs: random.between(1, 10) },
    { slowCloseMs: random.between(1, 50) },
    { bytesPerSecond: 5_000_000 },
    { blackHole: true },
  ]);
}

/**
 * Sends `count` numbered messages each way through a proxy that breaks the link `disconnects` times, evenly spread, and
 * counts what came of them.
 */
export async function exchange(
  stage: Stage,
  road: Road,
  count: number,
  disconnects: number,
  seed = 1,
): Promise<ExchangeFigures> {
  const startedAt = performance.now();
  const random = new SeededRandom(seed);
  const timing = { heartbeatIntervalMs: 250, heartbeatTimeoutMs: 250 };
  const at: ServerOptions = road === 'unix' ? { path: stage.path('t') } : { port: 0 };
  const server = await new Server({ ...at, ...timing, ...(road === 'tls' ? { tls: certificate } : {}) }).start();
  const target: ProxyAddress = road === 'unix' ? { path: stage.path('t') } : { port: server.port ?? 0 };
  const listen: ProxyAddress = road === 'unix' ? { path: stage.path('p') } : { port: 0 };
  const proxy = await new FaultProxy({ listen, target, random }).start();
  const to: ClientOptions = road === 'unix' ? { path: stage.path('p') } : { port: proxy.port ?? 0 };
  const tls = road === 'tls' ? { tls: { ca: certificate.cert, servername: 'localhost' } } : {};
  const client = new Client({ ...to, ...tls, ...timing, random: eager });
  client.on('error', () => {});
  server.on('error', () => {});
  const atServer = new Tally();
  const atClient = new Tally();
  let resumed = 0;
  let lostSessions = 0;
  client.on('session', ({ outcome }) => {
    if (outcome === 'resumed') resumed += 1;
    if (outcome === 'lost') lostSessions += 1;
  });
  server.on('message', (data) => atServer.note((data as { number: number }).number));
  client.on('message', (data) => atClient.note((data as { number: number }).number));
  await client.connect();
  const connection = server.connections[0] as Connection;

  const sent = new Map<Client | Connection, number>();
  let broken = 0;
  /** How many of the breaks are due once `number` messages were sent. */
  const due = (number: number): number => Math.ceil((number / count) * disconnects);
  const breaking = async (): Promise<void> => {
    while (broken < disconnects) {
      // Each break strikes a session that came back from the one before.
      if (resumed < broken || broken >= due(Math.max(...sent.values()))) {
        await sleep(1);
        continue;
      }
      proxy.apply(menu(random));
      await sleep(random.between(1, 15));
      proxy.reset();
      proxy.heal();
      broken += 1;
    }
  };
  const flood = async (peer: Client | Connection): Promise<void> => {
    for (let number = 0; number < count; number++) {
      const accepted = peer.send({ number, text: 'something to say' });
      if (number % batch !== batch - 1) continue;
      sent.set(peer, number + 1);
      await accepted;
      do await new Promise(setImmediate);
      while (due(number) > broken + 1);
    }
    await peer.flush();
  };
  let open = 2;
  await Promise.all([breaking(), ...[client, connection].map((peer) => flood(peer).then(() => (open -= 1)))]);
  client.destroy();
  await proxy.close();
  await server.close();
  return {
    messages: atServer.taken + atClient.taken,
    disconnects: broken,
    resumed,
    lost: 2 * count - atServer.taken - atClient.taken + atServer.doubled + atClient.doubled + lostSessions,
    doubled: atServer.doubled + atClient.doubled,
    outOfOrder: atServer.outOfOrder + atClient.outOfOrder,
    neverSettled: open,
    ms: Math.round(performance.now() - startedAt),
  };
}
