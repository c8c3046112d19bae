import type { Numbers, Params } from '../control/commands.ts';
import { payload } from '../payloads.ts';
import { quantile } from '../statistics.ts';
import { nextTurn, now } from '../time.ts';
import { type ClientSide, hasRoomFor, type BusScenario } from './bus-scenario.ts';

/** More requests open than this, and the peer does not keep up with the rate: the run ends there. */
const mostOpen = 20_000;

/** Sends on schedule, whatever comes back; a latency counts from the time the request was due, not from when it left. */
async function askAtRate({ ends }: ClientSide, params: Params): Promise<Numbers> {
  const [end] = ends;
  const { values } = payload('game');
  const perMs = Number(params['rate']) / 1_000;
  const total = Math.floor(perMs * Number(params['ms']));
  const latencies = new Float64Array(total);
  const startedAt = now();
  let sent = 0;
  let done = 0;
  while (done < total) {
    const due = Math.min(total, Math.floor((now() - startedAt) * perMs));
    for (; sent < due; sent++) {
      const nth = sent;
      void end?.request?.(values[nth % values.length] as object).then(() => {
        latencies[nth] = now() - startedAt - nth / perMs;
        done += 1;
      });
    }
    if (sent - done > mostOpen) return { p50: Infinity, p99: Infinity, p999: Infinity };
    await nextTurn();
  }
  latencies.sort();
  const at = (q: number): number => quantile(latencies, q) * 1_000;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

export const openLoop: BusScenario = {
  name: 'open-loop',
  title: 'Requests at a fixed rate, sent on schedule; latency from the time each was due (no coordinated omission).',
  metrics: [
    { name: 'p99', unit: 'us', better: 'lower' },
    { name: 'p50', unit: 'us', better: 'lower', beside: true },
    { name: 'p999', unit: 'us', better: 'lower' },
  ],
  variants: [1_000, 10_000, 25_000, 50_000, 100_000].map((rate) => ({
    name: `${rate / 1_000} k/s`,
    clients: 1,
    params: { rate },
  })),
  suits: hasRoomFor,
  async measure({ clients, pace }, { params }) {
    await clients.call('askAtRate', { ...params, ms: pace.warmMs });
    return clients.call('askAtRate', { ...params, ms: pace.measureMs });
  },
  clientCommands: { askAtRate },
};
