import { cpuOf } from '../control/cpu-of.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { openEnds, receiver, sender, session } from './parts.ts';

export const journalOneWay: Scenario = {
  name: 'journal-one-way',
  group: 'journal',
  title:
    'Durable messages from one client to the server, the 100-byte game object, in bursts of 128, beside the same sends without a journal: from the first send to the last that is heard, and to the last that the journal of the client has.',
  metrics: [
    { name: 'perSecond', unit: 'messages/s', better: 'higher' },
    { name: 'acknowledged', unit: 'messages/s that the client has', better: 'higher' },
    { name: 'us', unit: 'us of CPU a message, both processes', better: 'lower' },
  ],
  variants: [
    { name: 'survives the process', clients: 1, params: { survive: 'process', inFlight: 8_192 }, quick: true },
    { name: 'survives the loss of power', clients: 1, params: { survive: 'power', inFlight: 10_000 } },
  ],
  parts: { receiver, sender },
  peers: () => ['busbar', session],
  async measure({ start, pace }, { params }) {
    const { far, near } = await openEnds(start, params);
    const { sent: warm = 0 } = await near.call('flow', { ...params, ms: pace.warmMs });
    await far.call('until', { count: warm });
    const before = await cpuOf(far, near);
    const { startedAt = 0, sent = 0, acknowledgedAt = 0 } = await near.call('flow', { ...params, ms: pace.measureMs });
    const { at = 0 } = await far.call('until', { count: warm + sent });
    return {
      perSecond: (sent * 1_000) / (at - startedAt),
      acknowledged: (sent * 1_000) / (acknowledgedAt - startedAt),
      us: ((await cpuOf(far, near)) - before) / sent,
    };
  },
};
