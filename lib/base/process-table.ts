import { readFileSync, readlinkSync } from 'node:fs';
import process from 'node:process';
import { codeOf } from './thrown.ts';

/** How a process can be found by others on its machine. */
export interface ProcessMark {
  readonly pid: number;
  /** When it was started, in the clock ticks of its machine: two processes with one pid differ in it. */
  readonly start: number;
  /** What both are counted in, equal only where `pid` means the same process. */
  readonly place: string;
}

/** What a system reports about its processes, at once. */
export interface ProcessTable {
  /** This process; undefined where the system does not tell. */
  own(): ProcessMark | undefined;
  /** Whether the process has ended; false also where that cannot be told. */
  isGone(mark: ProcessMark): boolean;
}

/** Deno asks at the terminal for what it was not allowed; nobody is to be asked for this. */
declare const Deno:
  | { readonly permissions: { querySync(what: { readonly name: 'read' }): { readonly state: string } } }
  | undefined;

/** The processes of a Linux machine, as `/proc` shows them. */
export const linuxProcesses: ProcessTable = {
  own() {
    if (typeof Deno === 'object' && Deno.permissions.querySync({ name: 'read' }).state !== 'granted') return undefined;
    try {
      const { pid, start } = read('self');
      // A `/proc` of another namespace would call everybody by other numbers.
      return pid === process.pid ? { pid, start, place: place() } : undefined;
    } catch {
      return undefined;
    }
  },
  isGone({ pid, start }) {
    try {
      const { state, start: found } = read(pid);
      return found !== start || state === 'Z' || state === 'X';
    } catch (error) {
      // One that `/proc` hides from other users exists all the same.
      return isCode(error, 'ENOENT', 'ESRCH') && !exists(pid);
    }
  },
};

interface Stat {
  readonly pid: number;
  readonly state: string | undefined;
  readonly start: number;
}

/** @throws the system's error, or a RangeError for what is not a line of `/proc/<pid>/stat`. */
function read(name: number | 'self'): Stat {
  const line = readFileSync(`/proc/${name}/stat`, 'latin1');
  // The name of the program, which may have anything in it, ends at the last parenthesis.
  const [state, ...fields] = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const stat = { pid: Number.parseInt(line, 10), state, start: Number(fields[18]) };
  if (!Number.isSafeInteger(stat.start)) throw new RangeError(`No start time in "${line}"`);
  return stat;
}

/** Names what a pid and a start time are counted in: the machine since it was started, and its namespaces. */
function place(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return [boot, readlinkSync('/proc/self/ns/pid'), timeNamespace()].join(' ');
}

function timeNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/time');
  } catch {
    // Linux before 5.6 has none.
    return '';
  }
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !isCode(error, 'ESRCH');
  }
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(codeOf(error) ?? '');
}
