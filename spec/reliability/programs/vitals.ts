import { readFileSync, writeFileSync } from 'node:fs';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { waitedForCoreMs } from '../../support/stopwatch.ts';

const sampleMs = 2;

/**
 * What a load does to this process: the most memory it had resident, and how long the event loop stood still, less what
 * this process waited for a core meanwhile.
 */
export class Vitals {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 1 });
  #before = 0;
  #most = 0;
  #watch: NodeJS.Timeout | undefined;
  #waitedMs = 0;

  start(): void {
    globalThis.gc?.();
    this.#before = process.memoryUsage.rss();
    this.#most = this.#before;
    // Where the system keeps the peak itself, that one counts.
    forgetPeak();
    this.#watch = setInterval(() => {
      this.#most = Math.max(this.#most, process.memoryUsage.rss());
    }, sampleMs);
    this.#waitedMs = waitedForCoreMs();
    this.#delay.reset();
    this.#delay.enable();
  }

  stop(): { readonly residentBytes: number; readonly blockedMs: number } {
    clearInterval(this.#watch);
    this.#delay.disable();
    const most = Math.max(this.#most, process.memoryUsage.rss(), peak());
    const blockedMs = this.#delay.max / 1e6 - (waitedForCoreMs() - this.#waitedMs);
    return { residentBytes: most - this.#before, blockedMs: Math.max(0, Math.round(blockedMs * 10) / 10) };
  }
}

function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Only Linux has it; the samples count elsewhere.
  }
}

function peak(): number {
  try {
    const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return Number(kilobytes ?? 0) * 1_024;
  } catch {
    return 0;
  }
}
