import { payload } from '../payloads.ts';
import { nextTurn } from '../time.ts';
import { keepAsking } from './requests.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';

/** One request at a time, first alone, then while bulk data moves on a lane of its own. */
export const besideBulk: BusScenario = {
  name: 'beside-bulk',
  title:
    'A small request at a time while a gigabyte moves over the same connection, on another lane where there are lanes.',
  metrics: [
    { name: 'p99', unit: 'us beside it', better: 'lower' },
    { name: 'idleP99', unit: 'us alone', better: 'lower' },
    { name: 'megabytes', unit: 'MB/s of bulk data', better: 'higher' },
  ],
  variants: [{ name: '4 MiB pieces', clients: 1, params: {} }],
  suits: (adapter, variant) => hasRoomFor(adapter, variant) && adapter.bulk === true,
  async measure({ clients, pace }) {
    await clients.call('ask', { ms: pace.warmMs });
    const alone = await clients.call('ask', { ms: pace.measureMs });
    return { ...(await clients.call('askBeside', { bytes: pace.quick ? 64e6 : 1e9 })), idleP99: Number(alone['p99']) };
  },
  clientCommands: {
    ask: ({ ends }, { ms }) => keepAsking(ends, 1, 'game', Number(ms)),
    async askBeside({ ends }, { bytes }) {
      const [piece] = payload('4m-binary').values;
      const total = Number(bytes);
      const startedAt = performance.now();
      let moving = true;
      const move = async (): Promise<void> => {
        for (let moved = 0; moved < total; moved += (piece as Buffer).length) {
          await ends[0]?.bulk?.(piece as Buffer);
          await nextTurn();
        }
        moving = false;
      };
      const moved = move();
      const answers = await keepAsking(ends, 1, 'game', Infinity, () => moving);
      await moved;
      return { ...answers, megabytes: total / 1_000 / (performance.now() - startedAt) };
    },
  },
};
