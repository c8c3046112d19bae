import { readFileSync, writeFileSync } from 'node:fs';
import type { Numbers } from './control/commands.ts';

/** Resident bytes of this process now and at most since the last reset, and those of its heap; after a collection for a reset. */
export function processMemory(reset: boolean): Numbers {
  if (reset) {
    globalThis.gc?.();
    try {
      writeFileSync('/proc/self/clear_refs', '5');
    } catch {
      // Then the peak counts from the start of the process.
    }
  }
  const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage();
  try {
    const [, peak = '0'] = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return { rssBytes, peakBytes: Math.max(rssBytes, Number(peak) * 1_024), heapBytes };
  } catch {
    return { rssBytes, peakBytes: rssBytes, heapBytes };
  }
}
