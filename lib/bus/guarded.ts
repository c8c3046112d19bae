import { type BugReport, isThenable } from './incoming.ts';
import type { PeerHandle } from './plugin.ts';

/** Runs `task`, a callback of the user's that nobody waits for: what it throws or rejects with goes to `bug`. */
export function guarded(task: () => unknown, bug: BugReport, peer?: PeerHandle): void {
  try {
    const result: unknown = task();
    if (isThenable(result)) result.then(undefined, (error: unknown) => bug(error, peer));
  } catch (error) {
    bug(error, peer);
  }
}
