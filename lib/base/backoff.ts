import type { Random } from './random.ts';

const shortestMs = 100;
const stepMs = 500;

/**
 * How long to wait before attempt number `attempt` (1 for the first one after a failure): 500 ms x attempt, at most
 * `maxMs`; with `random`, full jitter between 100 ms and that. Spreading over the whole range, rather than around the
 * ceiling, is what keeps clients that lost the same server from returning together.
 */
export function retryDelayMs(attempt: number, maxMs: number, random: Random | undefined): number {
  const ceiling = Math.max(shortestMs, Math.min(maxMs, stepMs * attempt));
  return random === undefined ? ceiling : shortestMs + random.unit() * (ceiling - shortestMs);
}
