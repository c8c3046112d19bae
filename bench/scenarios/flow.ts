import type { Numbers, Params } from '../control/commands.ts';
import { payload } from '../payloads.ts';
import { nextTurn, now } from '../time.ts';
import type { ClientSide, ServerSide, Stage } from './scenario.ts';

/** Sends for `ms` in bursts of one turn each, waiting whenever the peer asks for it. */
async function sendAll({ ends }: ClientSide, params: Params): Promise<Numbers> {
  const { values } = payload(String(params['payload']));
  const burst = Number(params['burst']);
  const startedAt = now();
  const deadline = startedAt + Number(params['ms']);
  let sent = 0;
  while (now() < deadline) {
    for (const end of ends) {
      let waits: Promise<unknown> | undefined;
      for (let n = 0; n < burst; n++) {
        sent += 1;
        waits = end.send(values[sent % values.length] as object);
      }
      await waits;
    }
    await nextTurn();
  }
  return { startedAt, sent };
}

async function untilReceived({ messages }: ServerSide, { count }: Params): Promise<Numbers> {
  return { receivedAt: await messages.until(Number(count)) };
}

export const flowClientCommands = { sendAll };
export const flowServerCommands = { untilReceived };

/** One-way messages from the clients to the server: how many a second arrived, first send to last arrival. */
export async function flow(
  { server, clients, pace }: Stage,
  payloadName: string,
  burst: number,
): Promise<{ perSecond: number; count: number; seconds: number }> {
  const params = { payload: payloadName, burst };
  const warm = await clients.call('sendAll', { ...params, ms: pace.warmMs });
  await server.call('untilReceived', { count: Number(warm['sent']) });
  const { startedAt = 0, sent = 0 } = await clients.call('sendAll', { ...params, ms: pace.measureMs });
  const { receivedAt = 0 } = await server.call('untilReceived', { count: sent + Number(warm['sent']) });
  const seconds = (receivedAt - startedAt) / 1_000;
  return { perSecond: sent / seconds, count: sent, seconds };
}
