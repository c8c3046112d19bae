import type { Scenario } from '../scenarios/scenario.ts';
import { devices, driver, service } from './parts.ts';

export const dispatchDatagrams: Scenario = {
  name: 'dispatch-datagrams',
  group: 'dispatch',
  title: 'Datagrams of 100 bytes to one UDP port. Dropped: for a driver behind, or by the system; both are counted.',
  metrics: [
    { name: 'perSecond', unit: 'a second, heard by the driver', better: 'higher' },
    { name: 'dropped', unit: '% dropped and counted', better: 'lower' },
    { name: 'unaccounted', unit: 'lost without a trace', better: 'lower' },
  ],
  variants: [50_000, 80_000].map((rate) => ({
    name: `${rate / 1_000} k/s`,
    clients: 1,
    params: { rate, size: 100 },
  })),
  parts: { service, driver, devices },
  peers: () => ['busbar'],
  async measure({ start, pace }, { params }) {
    const middle = await start('service');
    const far = await start('driver');
    const { devices: port = 0 } = await far.call('open', { ...(await middle.call('open')), protocol: 'udp' });
    const near = await start('devices');
    const wanted = pace.quick ? 200 : Math.max(3_000, pace.measureMs);
    const { sent = 0, ms = 0 } = await near.call('datagrams', { ...params, port, ms: wanted });
    const { received = 0 } = await far.call('until');
    const { count: dropped = 0 } = await middle.call('dropped');
    const unaccounted = sent - received - dropped;
    return { perSecond: (received * 1_000) / ms, dropped: (dropped * 100) / sent, unaccounted };
  },
};
