import { keepAsking } from './requests.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

export const sequential: BusScenario = {
  name: 'sequential',
  title: 'One request at a time, the 100-byte game object there and back.',
  metrics: [
    { name: 'p50', unit: 'us', better: 'lower' },
    { name: 'p99', unit: 'us', better: 'lower' },
  ],
  variants: [{ name: 'one request', clients: 1, params: { payload: 'game' }, quick: true }],
  suits: hasRoomFor,
  async measure({ clients, pace }) {
    await clients.call('ask', { ms: pace.warmMs });
    return clients.call('ask', { ms: pace.measureMs });
  },
  clientCommands: {
    ask: ({ ends }, { ms }) => keepAsking(ends, 1, 'game', Number(ms)),
  },
};
