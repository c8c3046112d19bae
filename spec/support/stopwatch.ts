import { readFileSync } from 'node:fs';

/** What the scheduler counts of the main thread of a process, in ms: how long it had a core, and was ready to run without one. */
function scheduled(pid: number): readonly [ranMs: number, waitedMs: number] | undefined {
  try {
    const [ran = 0, waited = 0] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ').map(Number);
    return [ran / 1_000_000, waited / 1_000_000];
  } catch {
    return undefined;
  }
}

/** Milliseconds that the main thread of a process was ready to run while other work had the cores; 0 where nothing tells. */
export function waitedForCoreMs(pid = process.pid): number {
  return scheduled(pid)?.[1] ?? 0;
}

/**
 * Starts to count. The function it returns says how many milliseconds have passed, less those in which this thread waited for
 * a core: about what a quiet machine would have taken, so that a busy one makes no spec fail. Only for upper bounds on what
 * this thread does itself.
 */
export function stopwatch(): () => number {
  const waitedMs = waitedForCoreMs();
  const start = performance.now();
  return () => performance.now() - start - (waitedForCoreMs() - waitedMs);
}

/**
 * As `stopwatch()`, for work in one turn of the event loop that makes the garbage collector work: counts what this thread had
 * of a core, since the collector's other threads, for which it waits, may wait for theirs.
 */
export function workwatch(): () => number {
  const elapsedMs = stopwatch();
  const [before] = scheduled(process.pid) ?? [];
  return () => {
    const [ranMs] = scheduled(process.pid) ?? [];
    return before === undefined || ranMs === undefined ? elapsedMs() : ranMs - before;
  };
}
