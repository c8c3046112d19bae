import { keepAsking } from './requests.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

export const manyClients: BusScenario = {
  name: 'many-clients',
  title: 'Clients in one process, each keeping 16 requests in flight at one server.',
  metrics: [
    { name: 'perSecond', unit: 'requests/s', better: 'higher' },
    { name: 'p99', unit: 'us', better: 'lower' },
  ],
  variants: [1, 10, 100, 1_000].map((clients) => ({ name: `${clients} clients`, clients, params: {} })),
  suits: hasRoomFor,
  async measure({ clients, pace }) {
    await clients.call('ask', { ms: pace.warmMs });
    return clients.call('ask', { ms: pace.measureMs });
  },
  clientCommands: {
    ask: ({ ends }, { ms }) => keepAsking(ends, 16, 'game', Number(ms)),
  },
};
