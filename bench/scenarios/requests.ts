import type { ClientEnd } from '../adapters/adapter.ts';
import type { Numbers } from '../control/commands.ts';
import { payload } from '../payloads.ts';
import { quantile } from '../statistics.ts';
import { now } from '../time.ts';

/** Keeps `inFlight` requests open on each client for `ms`, or while `goesOn`; every answer makes room for the next one. */
export async function keepAsking(
  ends: readonly ClientEnd[],
  inFlight: number,
  payloadName: string,
  ms: number,
  goesOn: () => boolean = () => true,
): Promise<Numbers> {
  const { values } = payload(payloadName);
  const latencies: number[] = [];
  const startedAt = now();
  const deadline = startedAt + ms;
  let next = 0;
  const ask = async (end: ClientEnd): Promise<void> => {
    for (let askedAt = startedAt; askedAt < deadline && goesOn(); ) {
      askedAt = now();
      next += 1;
      await end.request?.(values[next % values.length] as object);
      latencies.push(now() - askedAt);
    }
  };
  const asking: Promise<void>[] = [];
  for (const end of ends) for (let n = 0; n < inFlight; n++) asking.push(ask(end));
  await Promise.all(asking);
  const tookMs = now() - startedAt;
  const sorted = Float64Array.from(latencies).sort();
  return {
    perSecond: (latencies.length * 1_000) / tookMs,
    count: latencies.length,
    p50: quantile(sorted, 0.5) * 1_000,
    p99: quantile(sorted, 0.99) * 1_000,
    p999: quantile(sorted, 0.999) * 1_000,
  };
}
