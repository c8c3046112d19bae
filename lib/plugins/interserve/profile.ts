import { channel } from 'node:diagnostics_channel';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { BusError } from '../../base/errors.ts';
import { failureOf, outcomes } from './outcomes.ts';
import type { Receipt, Way } from './protocol.ts';
import type { TransferRecord, TransferStartRecord } from './transfer-events.ts';

/** The figures of one endpoint id. Durations are in milliseconds, from the offer or the ask to the receipt. */
export interface EndpointStats {
  readonly sent: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedBytes: number;
  readonly resumed: number;
  /** How many failed, by the code of their error. */
  readonly failures: Readonly<Record<string, number>>;
  readonly durations: {
    readonly count: number;
    readonly min: number;
    readonly mean: number;
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
  };
}

interface Tally {
  sent: number;
  sentBytes: number;
  received: number;
  receivedBytes: number;
  resumed: number;
  readonly failures: Map<string, number>;
  readonly durations: RecordableHistogram;
}

const started = channel('busbar:interserve:start');
const finished = channel('busbar:interserve:transfer');
const longestUs = 86_400_000_000;

export interface ProfileOptions {
  /** The way that counts as sent on this side. */
  readonly outgoing: Way;
  readonly log?: ((line: string) => void) | undefined;
  /** Whether transfers this way on `id` count in the figures. */
  counts(way: Way, id: string): boolean;
  /** Called for each transfer that ended, with its failure if it has one. */
  onEnded(record: TransferRecord, error: BusError | undefined): void;
  /** Takes what `log` throws. */
  report(error: unknown): void;
}

/** What transfers did so far, of all endpoints: in `stats().plugins.interserve`, where `open` are those that have not ended. */
export interface TransferTotals {
  readonly open: number;
  /** Bytes of those that have not ended, as far as they moved. */
  readonly openBytes: number;
  readonly sent: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedBytes: number;
  readonly resumed: number;
  readonly failed: number;
}

/** The built-in logger and profiler of one side. */
export class Profile {
  readonly #options: ProfileOptions;
  readonly #byId = new Map<string, Tally>();
  readonly #totals = { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0, resumed: 0, failed: 0 };

  constructor(options: ProfileOptions) {
    this.#options = options;
  }

  started(record: TransferStartRecord): void {
    if (started.hasSubscribers) started.publish(record);
  }

  /** Records a transfer that ended: in the figures, on the channel, in the log and at the listeners. */
  ended(
    which: Pick<TransferRecord, 'id' | 'way' | 'peer'>,
    result: Receipt | BusError,
    bytes: number,
    resumed: number,
    durationMs: number,
  ): void {
    const error = result instanceof Error ? result : undefined;
    const outcome = error === undefined ? 'taken' : failureOf(error);
    const { status } = outcomes[outcome];
    const record: TransferRecord = { ...which, bytes, durationMs, resumed, outcome, status };
    const { counts, log, onEnded, report } = this.#options;
    // A removed id has no figures, though its last transfers end only now.
    if (counts(record.way, record.id)) this.#count(record);
    this.#total(record);
    if (finished.hasSubscribers) finished.publish(record);
    try {
      log?.(lineOf(record));
    } catch (failed) {
      report(failed);
    }
    onEnded(record, error);
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }

  /** By endpoint id. */
  stats(): Record<string, EndpointStats> {
    return Object.fromEntries([...this.#byId].map(([id, tally]) => [id, statsOf(tally)]));
  }

  /** @param open how many bytes each transfer that has not ended moved. */
  totals(open: readonly number[]): TransferTotals {
    return { open: open.length, openBytes: open.reduce((sum, bytes) => sum + bytes, 0), ...this.#totals };
  }

  #total({ outcome, way, bytes, resumed }: TransferRecord): void {
    const totals = this.#totals;
    totals.resumed += resumed;
    if (outcome !== 'taken') totals.failed += 1;
    else if (way === this.#options.outgoing) {
      totals.sent += 1;
      totals.sentBytes += bytes;
    } else {
      totals.received += 1;
      totals.receivedBytes += bytes;
    }
  }

  #count(record: TransferRecord): void {
    const tally = this.#tally(record.id);
    if (record.outcome !== 'taken') {
      const code = outcomes[record.outcome].code;
      tally.failures.set(code, (tally.failures.get(code) ?? 0) + 1);
    } else if (record.way === this.#options.outgoing) {
      tally.sent += 1;
      tally.sentBytes += record.bytes;
    } else {
      tally.received += 1;
      tally.receivedBytes += record.bytes;
    }
    tally.resumed += record.resumed;
    tally.durations.record(Math.min(longestUs, Math.max(1, Math.round(record.durationMs * 1000))));
  }

  #tally(id: string): Tally {
    let tally = this.#byId.get(id);
    if (tally === undefined) {
      tally = {
        sent: 0,
        sentBytes: 0,
        received: 0,
        receivedBytes: 0,
        resumed: 0,
        failures: new Map(),
        durations: createHistogram({ highest: longestUs, figures: 2 }),
      };
      this.#byId.set(id, tally);
    }
    return tally;
  }
}

function statsOf({ failures, durations, ...counts }: Tally): EndpointStats {
  const ms = (us: number) => (durations.count === 0 ? 0 : us / 1000);
  return {
    ...counts,
    failures: Object.fromEntries(failures),
    durations: {
      count: durations.count,
      min: ms(durations.min),
      mean: ms(durations.mean),
      p50: ms(durations.percentile(50)),
      p99: ms(durations.percentile(99)),
      max: ms(durations.max),
    },
  };
}

function lineOf({ id, way, peer, bytes, durationMs, resumed, outcome, status }: TransferRecord): string {
  const arrow = way === 'down' ? '->' : '<-';
  const again = resumed === 0 ? '' : ` resumed=${resumed}`;
  return `${status} ${outcome} ${JSON.stringify(id)} ${arrow} ${peer ?? '?'} bytes=${bytes} ms=${durationMs.toFixed(1)}${again}`;
}
