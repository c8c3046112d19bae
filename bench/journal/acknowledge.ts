import type { Scenario } from '../scenarios/scenario.ts';
import { openEnds, receiver, sender, session } from './parts.ts';

export const journalAcknowledge: Scenario = {
  name: 'journal-acknowledge',
  group: 'journal',
  title:
    'Messages at a fixed rate, sent on schedule in steps of a millisecond: from when each was due until its `send` resolved, what that takes of a core, and how long the event loop was held at most, beside the same sends without a journal.',
  metrics: [
    { name: 'p99', unit: 'ms', better: 'lower' },
    { name: 'p50', unit: 'ms', better: 'lower', beside: true },
    { name: 'p999', unit: 'ms', better: 'lower' },
    { name: 'cpu', unit: '% of a core, sender', better: 'lower' },
    { name: 'heldMs', unit: 'ms that the loop was held at most', better: 'lower' },
  ],
  variants: [
    { name: '100 k/s', clients: 1, params: { survive: 'process', rate: 100_000 } },
    { name: '100 k/s, power', clients: 1, params: { survive: 'power', rate: 100_000 } },
  ],
  parts: { receiver, sender },
  peers: () => ['busbar', session],
  async measure({ start, pace }, { params }) {
    const { far, near } = await openEnds(start, params);
    const { sent: warm = 0 } = await near.call('atRate', { ...params, ms: pace.warmMs });
    const { sent = 0, ...figures } = await near.call('atRate', { ...params, ms: pace.measureMs });
    await far.call('until', { count: warm + sent });
    return figures;
  },
};
