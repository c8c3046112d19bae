import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Clock, Timer } from '../../base/clock.ts';

/** What a process has used so far. */
interface Reading {
  readonly memoryBytes: number;
  readonly cpuMs: number;
}

/** What a process uses. */
export interface Use {
  readonly memoryBytes: number | undefined;
  readonly cpu: number | undefined;
  readonly requestsPerSecond: number;
}

/** Whose use is measured. */
export interface Measured {
  /** Undefined for threads. */
  readonly pid: number | undefined;
  requests(): number;
}

interface Sample {
  readonly at: number;
  readonly reading: Reading | undefined;
  readonly requests: number;
  readonly use: Use;
}

const everyMs = 1_000;
/** Linux counts the time of processes in hundredths of a second, whatever its clock does. */
const tickMs = 10;
const none: Use = { memoryBytes: undefined, cpu: undefined, requestsPerSecond: 0 };

/** Looks each second what processes use. */
export class Usage<Key extends Measured> {
  readonly #clock: Clock;
  readonly #keys: () => Iterable<Key>;
  readonly #looked: (key: Key, use: Use) => void;
  #samples = new Map<Key, Sample>();
  #timer: Timer | undefined;

  constructor(clock: Clock, keys: () => Iterable<Key>, looked: (key: Key, use: Use) => void) {
    this.#clock = clock;
    this.#keys = keys;
    this.#looked = looked;
  }

  of(key: Key): Use {
    return this.#samples.get(key)?.use ?? none;
  }

  begin(): void {
    this.#timer ??= this.#clock.setTimer(() => void this.#look(), everyMs, true);
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#samples.clear();
  }

  async #look(): Promise<void> {
    const keys = [...this.#keys()];
    const readings = await readAll(keys.flatMap(({ pid }) => pid ?? []));
    if (this.#timer === undefined) return;
    const at = this.#clock.now();
    const before = this.#samples;
    this.#samples = new Map(
      keys.map((key) => {
        const reading = key.pid === undefined ? undefined : readings.get(key.pid);
        return [key, sample(before.get(key), { at, reading, requests: key.requests() })];
      }),
    );
    this.#timer = this.#clock.setTimer(() => void this.#look(), everyMs, true);
    for (const [key, { use }] of this.#samples) this.#looked(key, use);
  }
}

function sample(before: Sample | undefined, now: Omit<Sample, 'use'>): Sample {
  const { at, reading, requests } = now;
  const ms = before === undefined ? 0 : at - before.at;
  const perMs = (more: number): number => (ms > 0 ? Math.max(0, more) / ms : 0);
  const cpu =
    reading === undefined || before?.reading === undefined ? undefined : perMs(reading.cpuMs - before.reading.cpuMs);
  const requestsPerSecond = 1_000 * perMs(requests - (before?.requests ?? 0));
  return { ...now, use: { memoryBytes: reading?.memoryBytes, cpu, requestsPerSecond } };
}

async function readAll(pids: readonly number[]): Promise<ReadonlyMap<number, Reading>> {
  if (pids.length === 0 || process.platform === 'win32') return new Map();
  if (process.platform !== 'linux') return readByPs(pids);
  const readings = new Map<number, Reading>();
  for (const pid of pids) {
    try {
      readings.set(pid, readByProc(pid));
    } catch {
      // It has ended, or is hidden.
    }
  }
  return readings;
}

function readByProc(pid: number): Reading {
  const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const memory = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return { memoryBytes: Number(memory?.[1] ?? 0) * 1_024, cpuMs: (Number(fields[11]) + Number(fields[12])) * tickMs };
}

function readByPs(pids: readonly number[]): Promise<ReadonlyMap<number, Reading>> {
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'pid=,rss=,time=', '-p', pids.join(',')], { timeout: 5_000 }, (_error, stdout) => {
      const rows = [...stdout.matchAll(/^\s*(\d+)\s+(\d+)\s+(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)\s*$/gm)];
      resolve(
        new Map(
          rows.map(([, pid, kilobytes, days = 0, hours = 0, minutes, seconds]) => {
            const cpuMs = (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
            return [Number(pid), { memoryBytes: Number(kilobytes) * 1_024, cpuMs }];
          }),
        ),
      );
    });
  });
}
