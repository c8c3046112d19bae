import type { Numbers } from './control/commands.ts';
import { now } from './time.ts';

/** Keeps `depth` calls open for `ms`; how many were answered, and how many a second. */
export async function pipeline(depth: number, ms: number, call: () => Promise<unknown>): Promise<Numbers> {
  const startedAt = now();
  let count = 0;
  const lane = async (): Promise<void> => {
    for (; now() - startedAt < ms; count += 1) await call();
  };
  await Promise.all(Array.from({ length: depth }, lane));
  return { count, perSecond: (count * 1_000) / (now() - startedAt) };
}

/** Calls `tick` at a rate for `ms`, and tells what CPU this process used meanwhile, in per cent of a core. */
export async function atRate(perSecond: number, ms: number, tick: () => void): Promise<Numbers> {
  const startedAt = now();
  const usage = process.cpuUsage();
  let count = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      tick();
      count += 1;
      if (now() - startedAt < ms) return;
      clearInterval(timer);
      resolve();
    }, 1_000 / perSecond);
  });
  const { user, system } = process.cpuUsage(usage);
  const tookMs = now() - startedAt;
  return { count, perSecond: (count * 1_000) / tookMs, cpu: (user + system) / 10 / tookMs };
}
