import type { Remote } from '../control/desk.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { receiver, sender } from './parts.ts';

/** So many to a command, which has a deadline. */
const portion = 5_000;

async function heapOf(...remotes: readonly [Remote, Remote]): Promise<readonly [number, number]> {
  const [far, near] = await Promise.all(remotes.map((remote) => remote.call('memory', { reset: true })));
  return [Number(far?.['heapBytes']) / 1e6, Number(near?.['heapBytes']) / 1e6];
}

export const interserveSmall: Scenario = {
  name: 'interserve-small',
  group: 'interserve',
  title:
    '100,000 transfers of 1 KB to one peer, 50 at once, and what they leave in memory after as many as a tenth of them before.',
  metrics: [
    { name: 'perSecond', unit: 'transfers/s', better: 'higher' },
    { name: 'sender', unit: 'MB of heap grown, sender', better: 'lower' },
    { name: 'receiver', unit: 'MB of heap grown, receiver', better: 'lower' },
  ],
  variants: [{ name: '100,000', clients: 1, params: { count: 100_000 } }],
  maxRuns: 1,
  parts: { sender, receiver },
  peers: () => ['busbar'],
  async measure({ start, pace }, { params }) {
    const total = pace.quick ? 200 : Number(params['count']);
    const far = await start('sender');
    const { bus = 0 } = await far.call('open', { bytes: 0, rate: 0 });
    const near = await start('receiver');
    await near.call('open', { bus, as: 'value' });
    const move = async (count: number): Promise<number> => {
      let tookMs = 0;
      for (let left = count; left > 0; left -= portion) {
        tookMs += Number((await far.call('small', { count: Math.min(left, portion) }))['ms']);
      }
      return tookMs;
    };
    await move(total / 10);
    const before = await heapOf(far, near);
    const ms = await move(total);
    const after = await heapOf(far, near);
    return { perSecond: (total * 1_000) / ms, sender: after[0] - before[0], receiver: after[1] - before[1] };
  },
};
