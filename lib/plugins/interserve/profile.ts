import { channel } from 'node:diagnostics_channel';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Way } from './control.ts';
import { type Failure, outcomes } from './outcomes.ts';

/** One transfer that is over, as `transfer` events and the channel `busbar:interserve:transfer` carry it. */
export interface TransferRecord {
  readonly id: string;
  /** `down`: from the server to a client. */
  readonly way: Way;
  /** The bus id of the peer. */
  readonly peer: string | undefined;
  readonly bytes: number;
  readonly durationMs: number;
  readonly resumed: number;
  readonly outcome: 'taken' | Failure;
  readonly status: number;
}

/** One transfer that begins, as the channel `busbar:interserve:start` carries it. */
export type TransferStartRecord = Pick<TransferRecord, 'id' | 'way' | 'peer'> & {
  /** Bytes in all; undefined for a stream of unknown length. */
  readonly size: number | undefined;
};

/** What happened on one endpoint id. Durations are in milliseconds, from the offer to the receipt. */
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

/** The built-in logger and profiler of one side. */
export class Profile {
  readonly #outgoing: Way;
  readonly #log: ((line: string) => void) | undefined;
  readonly #byId = new Map<string, Tally>();

  /** `outgoing` is the way that counts as sent on this side. */
  constructor(outgoing: Way, log?: (line: string) => void) {
    this.#outgoing = outgoing;
    this.#log = log;
  }

  started(record: TransferStartRecord): void {
    if (started.hasSubscribers) started.publish(record);
  }

  /** Tells the log and the channel. */
  publish(record: TransferRecord): void {
    if (finished.hasSubscribers) finished.publish(record);
    this.#log?.(lineOf(record));
  }

  /** Counts a transfer under its id, for as long as that is not forgotten. */
  count(record: TransferRecord): void {
    const tally = this.#tally(record.id);
    if (record.outcome !== 'taken') {
      const code = outcomes[record.outcome].code;
      tally.failures.set(code, (tally.failures.get(code) ?? 0) + 1);
    } else if (record.way === this.#outgoing) {
      tally.sent += 1;
      tally.sentBytes += record.bytes;
    } else {
      tally.received += 1;
      tally.receivedBytes += record.bytes;
    }
    tally.resumed += record.resumed;
    tally.durations.record(Math.min(longestUs, Math.max(1, Math.round(record.durationMs * 1000))));
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }

  /** Keyed by endpoint id. */
  stats(): Record<string, EndpointStats> {
    return Object.fromEntries([...this.#byId].map(([id, tally]) => [id, statsOf(tally)]));
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
