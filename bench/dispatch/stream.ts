import { cpuOf } from '../control/cpu-of.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { barePipe, busDriver, devices, driver, service } from './parts.ts';

export const dispatchStream: Scenario = {
  name: 'dispatch-stream',
  group: 'dispatch',
  title:
    'Bytes of one TCP device to one driver, on a WebSocket or on the bus, beside a bare pipe from TCP to WebSocket that is made of the same parts.',
  metrics: [
    { name: 'megabytes', unit: 'MB/s', better: 'higher' },
    { name: 'us', unit: 'us of CPU a MB, dispatcher', better: 'lower' },
  ],
  variants: [65_536, 4_096].map((size) => ({
    name: `writes of ${size / 1_024} KiB`,
    clients: 1,
    params: { size },
  })),
  parts: { service, driver, devices },
  peers: () => ['busbar', busDriver, barePipe],
  async measure({ start, pace }, { params }) {
    const bytes = pace.quick ? 8_388_608 : 419_430_400;
    const middle = await start('service');
    const opened = await middle.call('open');
    const far = await start('driver');
    const { devices: port = 0 } = await far.call('open', { ...opened, protocol: 'tcp' });
    const near = await start('devices');
    const before = await cpuOf(middle);
    const hearing = far.call('until', { bytes });
    const { startedAt = 0 } = await near.call('stream', { ...params, port, bytes });
    const { at = 0, bytes: heard = 0 } = await hearing;
    if (heard < bytes) throw new Error(`${heard} of ${bytes} bytes arrived`);
    return { megabytes: bytes / 1_000 / (at - startedAt), us: ((await cpuOf(middle)) - before) / (bytes / 1e6) };
  },
};
