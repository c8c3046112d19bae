interface Waiting {
  readonly tasks: Set<() => void>;
  readonly run: () => void;
}

/** Who waits for a signal, kept as long as it. */
const waiting = new WeakMap<AbortSignal, Waiting>();

/**
 * Runs `task`, a function of its own, once when `signal` fires; returns how to stop that. A signal has one listener for all who wait for it, as
 * Node takes many for a leak.
 */
export function onAbort(signal: AbortSignal, task: () => void): () => void {
  const { tasks, run } = waiting.get(signal) ?? listen(signal);
  tasks.add(task);
  return () => {
    if (!tasks.delete(task) || tasks.size > 0) return;
    signal.removeEventListener('abort', run);
    waiting.delete(signal);
  };
}

function listen(signal: AbortSignal): Waiting {
  const tasks = new Set<() => void>();
  const run = (): void => {
    waiting.delete(signal);
    for (const task of tasks) task();
  };
  const entry = { tasks, run };
  waiting.set(signal, entry);
  signal.addEventListener('abort', run, { once: true });
  return entry;
}
