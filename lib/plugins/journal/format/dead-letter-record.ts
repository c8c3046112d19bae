import { codeOf, textOf } from '../../../base/thrown.ts';
import { markedHead, readMarked } from './marked-record.ts';
import { RecordKind } from './message-record.ts';

/** What is known of a message that failed permanently, but for its data. */
export interface DeadMark {
  /** It was sent from here, and refused. */
  readonly isSent?: boolean;
  /** The id of the folder of its sender; of the journal of who refused it. */
  readonly folder: string;
  readonly journal: string;
  readonly sequence: number;
  readonly attempts: number;
  /** What it failed with. */
  readonly code: string;
  readonly message: string;
}

/** Its name, which never changes. */
export function deadIdOf({ journal, sequence }: Pick<DeadMark, 'journal' | 'sequence'>): string {
  return `${journal}.${sequence}`;
}

/** What it failed with, which may be anything, and as long as it likes. */
export function reasonOf(thrown: unknown): Pick<DeadMark, 'code' | 'message'> {
  return { code: (codeOf(thrown) ?? 'ERR_LISTENER').slice(0, 100), message: textOf(thrown).slice(0, 1_000) };
}

/** What stands before its data. */
export function deadHead(mark: DeadMark): Uint8Array {
  return markedHead(RecordKind.dead, mark);
}

/** Of one's own log; `data` is a part of `bytes`. */
export function readDead(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly mark: DeadMark; readonly data: Uint8Array } {
  const { mark, data } = readMarked(bytes, start, end);
  return { mark: mark as DeadMark, data };
}

export function discardedRecord(id: string): Uint8Array {
  return Buffer.from(`${String.fromCharCode(RecordKind.discarded)}${id}`);
}

export function readDiscarded(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start + 1, end)).toString();
}
