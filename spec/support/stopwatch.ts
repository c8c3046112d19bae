import { readFileSync } from 'node:fs';

/** Milliseconds that the main thread of a process was ready to run while other work had the cores; 0 where nothing tells. */
export function waitedForCoreMs(pid = process.pid): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1_000_000;
  } catch {
    return 0;
  }
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
 * As `stopwatch()`, for work in one turn of the event loop, which waits for the threads of the garbage collector too: no more
 * than what all threads had of the cores, since those wait for a core unseen.
 */
export function workwatch(): () => number {
  const elapsedMs = stopwatch();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return Math.min(elapsedMs(), (user + system) / 1_000);
  };
}
