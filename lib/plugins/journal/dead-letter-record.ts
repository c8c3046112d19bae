import { concat } from '../../base/bytes.ts';
import { readUint32, writeUint32 } from './log/record.ts';
import { RecordKind } from './message-record.ts';

const headBytes = 5;

/** What is known of a message that failed for good, but for its data. */
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

/** Its name, which it has for ever. */
export function deadIdOf({ journal, sequence }: Pick<DeadMark, 'journal' | 'sequence'>): string {
  return `${journal}.${sequence}`;
}

/** What stands before its data. */
export function deadHead(mark: DeadMark): Uint8Array {
  const text = Buffer.from(JSON.stringify(mark));
  const head = Buffer.alloc(headBytes);
  head[0] = RecordKind.dead;
  writeUint32(head, 1, text.length);
  return concat([head, text]);
}

/** Of one's own log; `data` is a part of `bytes`. */
export function readDead(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly mark: DeadMark; readonly data: Uint8Array } {
  const dataAt = start + headBytes + readUint32(bytes, start + 1);
  const text = Buffer.from(bytes.subarray(start + headBytes, dataAt)).toString();
  return { mark: JSON.parse(text) as DeadMark, data: bytes.subarray(dataAt, end) };
}

export function discardedRecord(id: string): Uint8Array {
  return Buffer.from(`${String.fromCharCode(RecordKind.discarded)}${id}`);
}

export function readDiscarded(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start + 1, end)).toString();
}
