import type { PeerHandle } from '../../bus/plugin.ts';
import type { Failure } from './outcomes.ts';
import type { Way } from './protocol.ts';

/** One transfer that ended, as `transfer` events and the channel `busbar:interserve:transfer` carry it. */
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

/** The events of the plugin on either side. */
export interface TransferEvents {
  /** Every transfer that ended, whatever its outcome. */
  transfer(record: TransferRecord): unknown;
}

export interface Progress {
  readonly peer: PeerHandle;
  /** Bytes that have left so far; after a break it may fall back to where the transfer resumes. */
  readonly bytes: number;
  /** Undefined while the end of a stream is not known. */
  readonly total: number | undefined;
  /** Bytes per second, smoothed. */
  readonly rate: number;
}

/** The events of one `send`. */
export interface HandleEvents {
  progress(progress: Progress): unknown;
}
