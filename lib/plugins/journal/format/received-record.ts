import { readUint32, readUint48, writeUint32, writeUint48 } from '../log/record.ts';
import { markedHead, readMarked } from './marked-record.ts';
import { RecordKind } from './message-record.ts';

const heard = 1;
const again = 2;
const old = 4;
const idBytes = 16;
const folderAt = 2;
const journalAt = folderAt + idBytes;
const afterAt = journalAt + idBytes;
const lastAt = afterAt + 6;
const firstAt = lastAt + 6;
const countAt = firstAt + 6;
export const receivedHeadBytes = countAt + 4;

/** Messages of one sender that were written down here together. */
export interface Received {
  /** Listeners stood when they came, and nothing kept them from hearing at once. */
  readonly isHeard: boolean;
  /** A dead letter that is tried again; it is the only one. */
  readonly isAgain: boolean;
  /** They may have come before: what was known of that was forgotten. */
  readonly isOld: boolean;
  /** The id of the sender's folder. */
  readonly folder: string;
  readonly journal: string;
  /** Those up to it were here before. */
  readonly after: number;
  /** The sequence of the last record. */
  readonly last: number;
  /** The number of the first one, of all that ever came to this folder. */
  readonly first: number;
  readonly count: number;
}

/** What stands before their records. */
export function receivedHead({
  isHeard,
  isAgain,
  isOld,
  folder,
  journal,
  after,
  last,
  first,
  count,
}: Received): Uint8Array {
  const head = Buffer.alloc(receivedHeadBytes);
  head[0] = RecordKind.received;
  head[1] = (isHeard ? heard : 0) | (isAgain ? again : 0) | (isOld ? old : 0);
  head.write(folder, folderAt, idBytes, 'base64url');
  head.write(journal, journalAt, idBytes, 'base64url');
  writeUint48(head, afterAt, after);
  writeUint48(head, lastAt, last);
  writeUint48(head, firstAt, first);
  writeUint32(head, countAt, count);
  return head;
}

export function readReceived(bytes: Uint8Array, start: number): Received {
  const textAt = (at: number): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset + start + at, idBytes).toString('base64url');
  const flags = bytes[start + 1] as number;
  return {
    isHeard: (flags & heard) !== 0,
    isAgain: (flags & again) !== 0,
    isOld: (flags & old) !== 0,
    folder: textAt(folderAt),
    journal: textAt(journalAt),
    after: readUint48(bytes, start + afterAt),
    last: readUint48(bytes, start + lastAt),
    first: readUint48(bytes, start + firstAt),
    count: readUint32(bytes, start + countAt),
  };
}

/** Whose the journal of a sender is from here on. */
export interface Owned {
  readonly folder: string;
  readonly owner: string | undefined;
}

export function ownedRecord(owned: Owned): Uint8Array {
  return markedHead(RecordKind.owned, owned);
}

/** Of one's own log. */
export function readOwned(bytes: Uint8Array, start: number, end: number): Owned {
  return readMarked(bytes, start, end).mark as Owned;
}
