import process from 'node:process';

const pollMs = 500;

/** Ends `child` when this process is told to end, or when npm above it is gone: its shell passes no signal on. */
export function endWithUs(child) {
  const parent = process.ppid;
  const stop = () => child.kill('SIGTERM');
  // From a terminal the child has had the signal already, as the whole group does.
  const interrupt = () => process.stdin.isTTY || child.kill('SIGINT');
  const watch = setInterval(() => process.ppid !== parent && stop(), pollMs).unref();
  process.on('SIGTERM', stop).on('SIGINT', interrupt);
  child.once('close', () => {
    clearInterval(watch);
    process.off('SIGTERM', stop).off('SIGINT', interrupt);
  });
}
