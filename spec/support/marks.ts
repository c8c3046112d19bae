import { readFileSync } from 'node:fs';
import { linuxProcesses } from '../../lib/bus/process-watch.ts';
import type { ProcessMark } from '../../lib/wire/handshake/hello.ts';

/** How process `pid` would name itself to its peers. */
export function markOf(pid: number): ProcessMark {
  const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const start = Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[19]);
  return { pid, start, place: linuxProcesses.own()!.place };
}
