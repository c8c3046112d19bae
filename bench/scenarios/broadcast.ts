import type { Numbers, Params } from '../control/commands.ts';
import { payload } from '../payloads.ts';
import { nextTurn, now } from '../time.ts';
import { hasRoomFor, type BusScenario, type ServerSide } from './bus-scenario.ts';

const burst = 8;

/** Broadcasts for `ms` in bursts of one turn each, waiting whenever the peer asks for it. */
async function broadcastAll({ end }: ServerSide, params: Params): Promise<Numbers> {
  const { values } = payload('game');
  const startedAt = now();
  const deadline = startedAt + Number(params['ms']);
  let sent = 0;
  while (now() < deadline) {
    let waits: Promise<unknown> | undefined;
    for (let n = 0; n < burst; n++) {
      sent += 1;
      waits = end.broadcast?.(values[sent % values.length] as object);
    }
    await waits;
    await nextTurn();
  }
  return { startedAt, sent };
}

export const broadcast: BusScenario = {
  name: 'broadcast',
  title: 'The server broadcasts the 100-byte game object; deliveries at all clients together.',
  metrics: [{ name: 'perSecond', unit: 'deliveries/s', better: 'higher' }],
  variants: [1, 10, 50, 500].map((clients) => ({ name: `to ${clients}`, clients, params: {}, quick: clients === 10 })),
  suits: (adapter, variant) => hasRoomFor(adapter, variant) && adapter.broadcasts !== false,
  async measure({ server, clients, pace }, variant) {
    const warm = await server.call('broadcastAll', { ms: pace.warmMs });
    const warmCount = Number(warm['sent']) * variant.clients;
    await clients.call('untilReceived', { count: warmCount });
    const { startedAt = 0, sent = 0 } = await server.call('broadcastAll', { ms: pace.measureMs });
    const count = sent * variant.clients;
    const { receivedAt = 0 } = await clients.call('untilReceived', { count: warmCount + count });
    return { perSecond: (count * 1_000) / (receivedAt - startedAt) };
  },
  serverCommands: { broadcastAll },
  clientCommands: {
    untilReceived: async ({ messages }, { count }) => ({ receivedAt: await messages.until(Number(count)) }),
  },
};
