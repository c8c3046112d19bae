import { Packr } from 'msgpackr';
import type { Numbers, Params } from '../control/commands.ts';
import { payload } from '../payloads.ts';
import { now } from '../time.ts';
import { hasRoomFor, type BusScenario } from './bus-scenario.ts';
import { flow, flowClientCommands, flowServerCommands } from './flow.ts';

/** How many of the objects msgpackr packs in the process of the client, with records and nothing else to do. */
async function packAlone(_side: unknown, { ms }: Params): Promise<Numbers> {
  const { values } = payload('game');
  const packr = new Packr({ sequential: true });
  const startedAt = now();
  let packed = 0;
  do {
    for (const value of values) packr.pack(value);
    packed += values.length;
  } while (now() - startedAt < Number(ms));
  return { alone: (packed * 1_000) / (now() - startedAt) };
}

export const oneWay: BusScenario = {
  name: 'one-way',
  title: 'Messages from one client to the server, the 100-byte game object, in bursts of 128.',
  metrics: [
    { name: 'perSecond', unit: 'messages/s', better: 'higher' },
    { name: 'alone', unit: 'objects/s that msgpackr packs alone', better: 'higher' },
  ],
  variants: [{ name: 'game object', clients: 1, params: {}, quick: true }],
  suits: hasRoomFor,
  async measure(stage, _variant, peer) {
    const { perSecond } = await flow(stage, 'game', 128);
    if (peer !== 'busbar') return { perSecond };
    await stage.clients.call('packAlone', { ms: stage.pace.warmMs / 2 });
    const { alone = 0 } = await stage.clients.call('packAlone', { ms: stage.pace.measureMs / 2 });
    return { perSecond, alone };
  },
  clientCommands: { ...flowClientCommands, packAlone },
  serverCommands: flowServerCommands,
};
