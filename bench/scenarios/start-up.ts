import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

export const startUp: BusScenario = {
  name: 'start-up',
  title:
    'A new Node that loads the package and ends: what that takes longer and larger than a Node that loads nothing.',
  metrics: [
    { name: 'ms', unit: 'ms', better: 'lower' },
    { name: 'megabytes', unit: 'MB', better: 'lower' },
  ],
  variants: [{ name: 'require', clients: 0, params: {} }],
  suits: (adapter, variant) => hasRoomFor(adapter, variant) && adapter.loads !== undefined,
  async measure({ server, pace }) {
    return server.call('startUp', { rounds: pace.quick ? 1 : 5 });
  },
};
