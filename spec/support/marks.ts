import { readFileSync } from 'node:fs';
import { linuxProcesses, type ProcessMark } from '../../lib/base/process-table.ts';

/** How process `pid` would name itself to its peers. */
export function markOf(pid: number): ProcessMark {
  const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const start = Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[19]);
  return { pid, start, place: linuxProcesses.own()!.place };
}
