import { keepAsking } from './requests.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

export const pipelined: BusScenario = {
  name: 'pipelined',
  title: 'Requests with a number of them in flight, the 100-byte game object there and back.',
  metrics: [
    { name: 'perSecond', unit: 'requests/s', better: 'higher' },
    { name: 'p99', unit: 'us', better: 'lower' },
  ],
  variants: [1, 16, 256].map((inFlight) => ({
    name: `${inFlight} in flight`,
    clients: 1,
    params: { inFlight },
    quick: inFlight === 256,
  })),
  suits: hasRoomFor,
  async measure({ clients, pace }, { params }) {
    await clients.call('ask', { ...params, ms: pace.warmMs });
    return clients.call('ask', { ...params, ms: pace.measureMs });
  },
  clientCommands: {
    ask: ({ ends }, { inFlight, ms }) => keepAsking(ends, Number(inFlight), 'game', Number(ms)),
  },
};
