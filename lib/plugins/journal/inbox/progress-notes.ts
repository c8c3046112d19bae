import type { Clock } from '../../../base/clock.ts';
import { LatestNote } from '../log/latest-note.ts';
import type { Log } from '../log/log.ts';
import { type Change, changesRecord, type Progress } from './progress.ts';

/** Notes in the log what was handled: as a whole, with what else is written; or change by change, where each is to be known at once. */
export class ProgressNotes {
  readonly #log: Log;
  readonly #progress: Progress;
  readonly #latest: LatestNote;
  #changes: Change[] = [];

  constructor(log: Log, progress: Progress, clock: Clock) {
    this.#log = log;
    this.#progress = progress;
    this.#latest = new LatestNote(log, clock, () => progress.record);
  }

  /** Something was handled, or begun with, that the next process should know of. */
  changed(): void {
    this.#latest.changed();
  }

  done(number: number): void {
    if (this.#changes.push([number, undefined]) === 1) queueMicrotask(() => this.#flush());
  }

  /** Resolves once it is written that it was begun with so often; rejects with what the log fails with. */
  async begun(number: number, attempts: number): Promise<void> {
    this.#changes.push([number, attempts]);
    if (this.#log.failure !== undefined) throw this.#log.failure;
    this.#flush();
    await this.#log.pending;
  }

  /** The same of all that is known; what the log fails with is told by others. */
  async whole(): Promise<void> {
    if (this.#log.failure !== undefined) return;
    this.#log.note(this.#progress.record);
    await this.#log.pending.catch(() => {});
  }

  /** Notes what is left to note. */
  finish(): void {
    this.#flush();
    this.#latest.end();
  }

  #flush(): void {
    const changes = this.#changes;
    this.#changes = [];
    if (changes.length > 0 && this.#log.failure === undefined) this.#log.note(changesRecord(changes));
  }
}
