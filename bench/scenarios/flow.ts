import type { Numbers, Params } from '../control/commands.ts';
import type { Remote } from '../control/desk.ts';
import { payload } from '../payloads.ts';
import { nextTurn, now } from '../time.ts';
import type { ClientSide, ServerSide, BusStage } from './bus-scenario.ts';

/** Sends for `ms` in bursts of one turn each, waiting whenever the peer asks for it. */
async function sendAll({ ends }: ClientSide, params: Params): Promise<Numbers> {
  const { values } = payload(String(params['payload']));
  const burst = Number(params['burst']);
  const startedAt = now();
  const deadline = startedAt + Number(params['ms']);
  let sent = 0;
  do {
    for (const end of ends) {
      let waits: Promise<unknown> | undefined;
      for (let n = 0; n < burst; n++) {
        sent += 1;
        waits = end.send(values[sent % values.length] as object);
      }
      await waits;
    }
    await nextTurn();
  } while (now() < deadline);
  return { startedAt, sent };
}

async function untilReceived({ messages }: ServerSide, { count }: Params): Promise<Numbers> {
  return { receivedAt: await messages.until(Number(count)) };
}

export const flowClientCommands = { sendAll };
export const flowServerCommands = { untilReceived };

const sentBefore = new WeakMap<Remote, number>();

/** One-way messages from the clients to the server: how many a second arrived, first send to last arrival. */
export async function flow(
  stage: BusStage,
  payloadName: string,
  burst: number,
  isWarm = false,
): Promise<{ perSecond: number; count: number; seconds: number }> {
  const { server, clients, pace } = stage;
  const params = { payload: payloadName, burst };
  let before = sentBefore.get(stage.server) ?? 0;
  if (!isWarm) {
    before += Number((await clients.call('sendAll', { ...params, ms: pace.warmMs }))['sent']);
    await server.call('untilReceived', { count: before });
  }
  const { startedAt = 0, sent = 0 } = await clients.call('sendAll', { ...params, ms: pace.measureMs });
  const { receivedAt = 0 } = await server.call('untilReceived', { count: before + sent });
  sentBefore.set(stage.server, before + sent);
  const seconds = (receivedAt - startedAt) / 1_000;
  return { perSecond: sent / seconds, count: sent, seconds };
}
