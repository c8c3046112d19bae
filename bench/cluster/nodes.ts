import type { Scenario, Stage } from '../scenarios/scenario.ts';
import { far, natsServer, near, plainNats } from './parts.ts';

const parts = { nats: natsServer, far, near };
const program = 'nats-server';

async function open(start: Stage['start'], clients: number) {
  const nats = await start('nats');
  const { port = 0 } = await nats.call('open');
  const there = await start('far');
  await there.call('open', { port, node: 'far-1', clients });
  const here = await start('near');
  await here.call('open', { port, clients });
  return { port, there, here };
}

export const clusterOneWay: Scenario = {
  name: 'cluster-one-way',
  group: 'cluster',
  title:
    'Messages of 100 bytes from a node to another one over NATS, beside those of its own client, one message at a time.',
  metrics: [{ name: 'perSecond', unit: 'messages/s', better: 'higher' }],
  variants: [{ name: '100 bytes', clients: 1, params: {} }],
  program,
  parts,
  peers: () => ['busbar', plainNats],
  async measure({ start, pace }) {
    const { here, there } = await open(start, 0);
    const warm = await here.call('send', { ms: pace.warmMs });
    await there.call('untilReceived', { count: warm['count'] ?? 0 });
    const { startedAt = 0, count = 0 } = await here.call('send', { ms: pace.measureMs });
    const { receivedAt = 0 } = await there.call('untilReceived', { count: count + (warm['count'] ?? 0) });
    return { perSecond: (count * 1_000) / (receivedAt - startedAt) };
  },
};

export const clusterRequest: Scenario = {
  name: 'cluster-request',
  group: 'cluster',
  title:
    "A request of 100 bytes from a node to a client of another one, one at a time, beside a request of NATS' own client.",
  metrics: [{ name: 'medianUs', unit: 'us, median', better: 'lower' }],
  variants: [{ name: '100 bytes', clients: 1, params: {} }],
  program,
  parts,
  peers: () => ['busbar', plainNats],
  async measure({ start, pace }) {
    const { here } = await open(start, 1);
    await here.call('ask', { ms: pace.warmMs });
    return here.call('ask', { ms: pace.measureMs });
  },
};

const clients = 50;
const localOnly = 'one server, 150 clients';

export const clusterBroadcast: Scenario = {
  name: 'cluster-broadcast',
  group: 'cluster',
  title: 'Broadcasts of 100 bytes to three nodes with 50 clients each, beside those of one server with 150 clients.',
  metrics: [{ name: 'perSecond', unit: 'deliveries/s', better: 'higher' }],
  variants: [{ name: '100 bytes', clients: 3 * clients, params: {} }],
  program,
  parts: { ...parts, far2: far },
  peers: () => ['busbar', localOnly],
  async measure({ start, pace }, _variant, peer) {
    const isLocal = peer === localOnly;
    const { port, here, there } = await open(start, isLocal ? 3 * clients : clients);
    const others = [there];
    if (!isLocal) {
      const second = await start('far2');
      await second.call('open', { port, node: 'far-2', clients });
      others.push(second);
    }
    const local = isLocal ? 1 : 0;
    const own = isLocal ? 3 * clients : clients;
    let sent = 0;
    const run = async (ms: number): Promise<number> => {
      const { startedAt = 0, count = 0 } = await here.call('broadcast', { ms, local });
      sent += count;
      const ends = [here.call('untilReceived', { count: sent * own })];
      if (!isLocal) for (const other of others) ends.push(other.call('untilReceived', { count: sent * clients }));
      const lastAt = Math.max(...(await Promise.all(ends)).map(({ receivedAt = 0 }) => receivedAt));
      return (count * 3 * clients * 1_000) / (lastAt - startedAt);
    };
    await run(pace.warmMs);
    return { perSecond: await run(pace.measureMs) };
  },
};
