import type { Scenario } from '../scenarios/scenario.ts';
import { devices, driver, service } from './parts.ts';

export const dispatchDevices: Scenario = {
  name: 'dispatch-devices',
  group: 'dispatch',
  title: '5,000 TCP devices that connect to one port at once, say hello and leave.',
  metrics: [
    { name: 'ms', unit: 'ms until all are connected', better: 'lower' },
    { name: 'missing', unit: 'events that the driver missed', better: 'lower' },
  ],
  variants: [{ name: '5,000 devices', clients: 1, params: { count: 5_000 } }],
  parts: { service, driver, devices },
  peers: () => ['busbar'],
  async measure({ start, pace }, { params }) {
    const count = pace.quick ? 200 : Number(params['count']);
    const middle = await start('service');
    const far = await start('driver');
    const { devices: port = 0 } = await far.call('open', { ...(await middle.call('open')), protocol: 'tcp' });
    const near = await start('devices');
    const { ms = 0 } = await near.call('crowd', { port, count });
    const { opened = 0, closed = 0, received = 0 } = await far.call('until', { closed: count });
    return { ms, missing: 3 * count - opened - closed - received };
  },
};
