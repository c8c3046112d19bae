import type { Scenario } from '../scenarios/scenario.ts';
import { sender } from './parts.ts';

export const journalRecover: Scenario = {
  name: 'journal-recover',
  group: 'journal',
  title:
    'A process that starts with a folder in which 1,000,000 messages of 100 bytes wait: the time and the memory of its first `backlog()`, which reads and checks all of them.',
  metrics: [
    { name: 'ms', unit: 'ms', better: 'lower' },
    { name: 'mebibytes', unit: 'MiB at most', better: 'lower' },
  ],
  variants: [{ name: '1,000,000 messages', clients: 1, params: { count: 1_000_000 } }],
  maxRuns: 3,
  parts: { sender },
  peers: () => ['busbar'],
  async measure({ start, pace }, { params }) {
    const count = pace.quick ? 2_000 : Number(params['count']);
    const before = await start('sender');
    await before.call('fill', { count });
    const after = await start('sender');
    const { messages = 0, ms = 0, mebibytes = 0 } = await after.call('recover');
    if (messages !== count) throw new Error(`${messages} of ${count} messages are there`);
    return { ms, mebibytes };
  },
};
