import { payload } from '../payloads.ts';
import { now } from '../time.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

/** Gives up when nothing came back by then. */
const patienceMs = 10_000;

export const resume: BusScenario = {
  name: 'resume',
  title: 'The server cuts the link; the time until the client has an answer to its next request.',
  metrics: [{ name: 'ms', unit: 'ms', better: 'lower' }],
  variants: [{ name: 'one cut', clients: 1, params: {} }],
  suits: (adapter, variant) => hasRoomFor(adapter, variant) && adapter.resumes === true,
  async measure({ server, clients }) {
    await clients.call('answer');
    await server.call('cut');
    return clients.call('answer');
  },
  clientCommands: {
    async answer({ ends }) {
      const startedAt = now();
      const [value] = payload('game').values;
      while (now() - startedAt < patienceMs) {
        try {
          const late = new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 1_000));
          await Promise.race([ends[0]?.request?.(value as object), late]);
          return { ms: now() - startedAt };
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }
      throw new Error('The client did not reconnect');
    },
  },
};
