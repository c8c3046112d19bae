import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import type { BugReport } from './requests/incoming.ts';

/** What a peer can do wrong with every message it sends. */
const faults: ReadonlySet<string> = new Set(['ERR_PROTOCOL', 'ERR_NO_METHOD', 'ERR_CONTRACT', 'ERR_TOO_LARGE']);
const periodMs = 1_000;
const mostInPeriod = 10;

/** What was reported of one peer and code since `since`, and how many more were not. */
interface Told {
  readonly since: number;
  count: number;
  untold: number;
}

/** Reports what peers do wrong on the lanes of plugins, ten times a second for each peer and code: a flood of it costs no flood of reports. */
export class Complaints {
  readonly #clock: Clock;
  readonly #report: BugReport;
  readonly #told = new WeakMap<object, Map<string, Told>>();

  constructor(clock: Clock, report: BugReport) {
    this.#clock = clock;
    this.#report = report;
  }

  readonly report: BugReport = (error, peer) => {
    if (!(error instanceof BusError) || !faults.has(error.code)) {
      this.#report(error, peer);
      return;
    }
    const key = peer ?? this;
    const now = this.#clock.now();
    let told = this.#told.get(key);
    if (told === undefined) this.#told.set(key, (told = new Map()));
    const last = told.get(error.code);
    if (last !== undefined && now - last.since < periodMs) {
      last.count += 1;
      if (last.count > mostInPeriod) last.untold += 1;
      else this.#report(error, peer);
      return;
    }
    told.set(error.code, { since: now, count: 1, untold: 0 });
    this.#report(last === undefined || last.untold === 0 ? error : counted(error, last.untold), peer);
  };
}

function counted(error: BusError, untold: number): BusError {
  return new BusError(error.code, `${error.message} (${untold} more of ${error.code} were not reported)`, {
    cause: error,
  });
}
