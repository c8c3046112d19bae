import type { Scenario } from '../scenarios/scenario.ts';
import { receiver, sender } from './parts.ts';

const hundredMegabytes = 100_000_000;

export const interserveBeside: Scenario = {
  name: 'interserve-beside',
  group: 'interserve',
  title:
    'Requests on the bus, one at a time, while a file moves between the same two processes; curl: started by the receiver.',
  metrics: [
    { name: 'times', unit: 'x its idle p99', better: 'lower' },
    { name: 'p99', unit: 'us beside it', better: 'lower' },
    { name: 'idleP99', unit: 'us alone', better: 'lower' },
    { name: 'megabytes', unit: 'MB/s of the file', better: 'higher' },
  ],
  variants: [
    { name: 'at full speed', clients: 1, params: { rate: 0 }, quick: true },
    { name: 'at 100 MB/s', clients: 1, params: { rate: hundredMegabytes } },
  ],
  program: 'curl',
  parts: { sender, receiver },
  peers: () => ['busbar', 'curl'],
  async measure({ start, pace }, { params }, peer) {
    const rate = Number(params['rate']);
    const bytes = pace.quick ? 16_777_216 : rate > 0 ? 5 * rate : 1_073_741_824;
    const far = await start('sender');
    const { bus = 0, http = 0 } = await far.call('open', { bytes, rate });
    const near = await start('receiver');
    await near.call('open', { bus, as: 'file' });
    await near.call('ask', { ms: pace.warmMs });
    const { p99: idleP99 = 0 } = await near.call('ask', { ms: Math.max(1_000, pace.measureMs) });
    const asking = near.call('ask', { ms: 50_000 });
    const { ms = 0 } = peer === 'busbar' ? await far.call('file') : await near.call('curl', { http, as: 'file', rate });
    await near.call('stop');
    const { p99 = 0 } = await asking;
    return { times: p99 / idleP99, p99, idleP99, megabytes: bytes / 1_000 / ms };
  },
};
