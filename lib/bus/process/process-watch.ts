import type { Clock, Timer } from '../../base/clock.ts';
import type { ProcessMark, ProcessTable } from '../../base/process-table.ts';
import type { Processes } from '../platform.ts';

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
