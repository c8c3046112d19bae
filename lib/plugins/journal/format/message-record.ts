import { allocateShared } from '../../../base/bytes.ts';
import { bodyLength, findRecord, readUint48, recordHeaderBytes, sequenceOf, writeUint48 } from '../log/record.ts';

/** What the records of a journal are; the first byte of their bodies. */
export const RecordKind = {
  /** A message to the peer: when it was sent (u48, ms), and the data. */
  message: 1,
  /** What the peer has: up to this sequence (u48). */
  taken: 2,
  /** Messages of a peer, as they stand in its journal. */
  received: 3,
  /** Which of those were handled. */
  handled: 4,
  /** What is known of senders, and of what was handled, at the head of a segment. */
  heading: 5,
  /** What changed of what was handled. */
  changes: 6,
  /** A message that failed permanently. */
  dead: 7,
  /** Those of them that are gone, by their ids. */
  discarded: 8,
  /** What a request was answered with. */
  answer: 9,
  /** Whose the journal of a sender is. */
  owned: 10,
} as const;

export const messageHeadBytes = 7;

export function messageHead(timeMs: number): Uint8Array {
  const head = allocateShared(messageHeadBytes);
  head[0] = RecordKind.message;
  setMessageTime(head, timeMs);
  return head;
}

export function setMessageTime(head: Uint8Array, timeMs: number): void {
  writeUint48(head, 1, timeMs);
}

/** The records in `bytes`, which are whole ones of one's own. */
export function* recordsIn(bytes: Uint8Array): Generator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + recordHeaderBytes + bodyLength(bytes, at);
    yield bytes.subarray(at, end);
    at = end;
  }
}

/** One message in a stretch of records: its data stands in their bytes from `start` to `end`. */
export interface FoundMessage {
  readonly sequence: number;
  readonly timeMs: number;
  readonly start: number;
  readonly end: number;
}

/** The messages among `bytes`, which are whole records of one's own. */
export function* messagesIn(bytes: Uint8Array): Generator<FoundMessage, void, void> {
  for (let at = 0; at < bytes.length; ) {
    const start = at + recordHeaderBytes;
    const end = start + bodyLength(bytes, at);
    if (bytes[start] === RecordKind.message) {
      const timeMs = readUint48(bytes, start + 1);
      yield { sequence: sequenceOf(bytes, at), timeMs, start: start + messageHeadBytes, end };
    }
    at = end;
  }
}

/** What a stretch of records has, of those above a sequence. */
export interface Contents {
  readonly messages: number;
  /** The first of them; 0 where there is none. */
  readonly first: number;
  /** The last sequence; 0 where there is no record. */
  readonly last: number;
}

/**
 * Counts the messages behind `after` in `bytes` from `from` on, which a stranger sent. Undefined where they are not whole
 * records in order.
 */
export function contentsOf(bytes: Uint8Array, from: number, after: number): Contents | undefined {
  let messages = 0;
  let first = 0;
  let last = 0;
  for (let at = from; at < bytes.length; ) {
    if (findRecord(bytes, at, bytes.length) !== 'whole') return undefined;
    const length = bodyLength(bytes, at);
    const sequence = sequenceOf(bytes, at);
    const isMessage = bytes[at + recordHeaderBytes] === RecordKind.message;
    if (sequence <= last || length === 0 || (isMessage && length <= messageHeadBytes)) return undefined;
    if (isMessage && sequence > after && messages++ === 0) first = sequence;
    last = sequence;
    at += recordHeaderBytes + length;
  }
  return { messages, first, last };
}
