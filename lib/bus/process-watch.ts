import { readFileSync, readlinkSync } from 'node:fs';
import type { Clock, Timer } from '../base/clock.ts';
import { codeOf } from '../base/thrown.ts';
import type { ProcessMark } from '../wire/handshake/hello.ts';
import type { Processes } from './platform.ts';

/** What a system tells of its processes, at once. */
export interface ProcessTable {
  /** This process; undefined where the system does not tell. */
  own(): ProcessMark | undefined;
  /** Whether the process has ended; false also where that cannot be told. */
  isGone(mark: ProcessMark): boolean;
}

interface Suspect {
  readonly mark: ProcessMark;
  readonly waiters: Set<() => void>;
  since: number;
  timer: Timer | undefined;
}

const soonMs = 1;

/**
 * Looks whether processes have ended whose links were lost. The system closes the links of a process that dies a moment
 * before it counts as dead, so it is looked at again and again, at intervals that grow with the time already waited.
 */
export class ProcessWatch implements Processes {
  readonly #clock: Clock;
  readonly #table: ProcessTable;
  #own: ProcessMark | undefined;
  #isAsked = false;
  /** One look serves all sessions of a process. */
  readonly #suspects = new Map<string, Suspect>();

  constructor(clock: Clock, table: ProcessTable) {
    this.#clock = clock;
    this.#table = table;
  }

  own(): ProcessMark | undefined {
    if (!this.#isAsked) this.#own = this.#table.own();
    this.#isAsked = true;
    return this.#own;
  }

  watch(mark: ProcessMark, gone: () => void): () => void {
    const own = this.own();
    if (own === undefined || own.place !== mark.place || own.pid === mark.pid) return () => {};
    const key = `${mark.pid} ${mark.start}`;
    const suspect = this.#suspects.get(key) ?? { mark, waiters: new Set(), since: 0, timer: undefined };
    this.#suspects.set(key, suspect);
    suspect.waiters.add(gone);
    suspect.since = this.#clock.now();
    this.#lookAfter(0, key, suspect);
    return () => {
      suspect.waiters.delete(gone);
      if (suspect.waiters.size === 0) this.#forget(key, suspect);
    };
  }

  #lookAfter(ms: number, key: string, suspect: Suspect): void {
    suspect.timer?.cancel();
    suspect.timer = this.#clock.setTimer(() => this.#look(key, suspect), ms, true);
  }

  #look(key: string, suspect: Suspect): void {
    if (!this.#table.isGone(suspect.mark)) {
      this.#lookAfter(Math.max(soonMs, (this.#clock.now() - suspect.since) / 4), key, suspect);
      return;
    }
    this.#forget(key, suspect);
    for (const gone of suspect.waiters) gone();
  }

  #forget(key: string, suspect: Suspect): void {
    suspect.timer?.cancel();
    if (this.#suspects.get(key) === suspect) this.#suspects.delete(key);
  }
}

import process from 'node:process';

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

/** @throws the system's error, or a RangeError for what is no line of `/proc/<pid>/stat`. */
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
