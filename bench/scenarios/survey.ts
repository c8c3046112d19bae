import { now } from '../time.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

export const survey: BusScenario = {
  name: 'survey',
  title: 'The server asks 50 clients at once and waits for all answers, one survey after the other.',
  metrics: [{ name: 'perSecond', unit: 'surveys/s', better: 'higher' }],
  variants: [{ name: 'of 50', clients: 50, params: {} }],
  suits: (adapter, variant) => hasRoomFor(adapter, variant) && adapter.surveys === true,
  async measure({ server, pace }) {
    await server.call('surveyAll', { ms: pace.warmMs });
    return server.call('surveyAll', { ms: pace.measureMs });
  },
  serverCommands: {
    async surveyAll({ end }, { ms }) {
      const startedAt = now();
      let count = 0;
      while (now() - startedAt < Number(ms)) {
        const answers = await end.survey?.({ question: 'load', round: count });
        if (answers !== 50) throw new Error(`${answers} of 50 clients answered`);
        count += 1;
      }
      return { perSecond: (count * 1_000) / (now() - startedAt) };
    },
  },
};
