import type { Remote } from './desk.ts';

/** Microseconds of CPU that these processes have used since their start, together. */
export async function cpuOf(...remotes: readonly Remote[]): Promise<number> {
  let us = 0;
  for (const remote of remotes) us += Number((await remote.call('cpu'))['cpuUs']);
  return us;
}
