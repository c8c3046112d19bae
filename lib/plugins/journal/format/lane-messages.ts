import { concat } from '../../../base/bytes.ts';
import { readUint48, writeUint48 } from '../log/record.ts';

/** What is opened with: the folder of the sender, and up to where it ever came in each opening that it still has. */
export type Opening = readonly [folder: string, journals: readonly (readonly [journal: string, last: number])[]];

/**
 * The most bytes of records that the receiver takes at once, what it has of each of those openings, and the highest sequence
 * that it ever had of others of that folder.
 */
export type Opened = readonly [mostBytes: number, had: readonly Acknowledged[], others: number];

/** The receiver has written down all of that opening up to the sequence. */
export type Acknowledged = readonly [journal: string, sequence: number];

/** Asks whether listeners have had all that was acknowledged; answered when they have. */
export const heardQuestion = 'heard';

/** A server asks a client for the id of its journal. */
export const whoQuestion = 'who';

/** Says that nothing more comes of the journal, so that another peer may have it; answered when that is known. */
export const leaveQuestion = 'leave';

/** What a request was answered with: what was encoded of it, or of an error's code and message. */
export type AnswerMessage = readonly ['answer', id: string, digest: string, isError: boolean, body: Uint8Array];

export function answerMessage({ id, digest }: AskedFor, isError: boolean, body: Uint8Array): AnswerMessage {
  return ['answer', id, digest, isError, body];
}

/** A request as its sender and receiver mean it: its id, and the digest of what is asked. */
export interface AskedFor {
  readonly id: string;
  readonly digest: string;
}

/** Asks for the answers of requests that the receiver has. */
export type AskMessage = readonly ['ask', asked: readonly (readonly [id: string, digest: string])[]];
export const mostAsked = 1_000;

/** Says that an answer came. */
export type GotMessage = readonly ['got', id: string];

/** The receiver takes nothing more before the journal is opened again: why. */
export type ClosedMessage = readonly ['closed', reason: string];

const idBytes = 16;
export const stretchHeadBytes = idBytes + 6;
/** As much as goes over a link in one piece. */
export const mostStretchBytes = 65_536 - stretchHeadBytes;
/** Where that is too much for the peer. */
export const leastStretchBytes = 1_024;

/** Most bytes of several records that go together to who takes records of `mostBytes`: a small folder has room for little at once. */
export function stretchBytesFor(mostBytes: number): number {
  return Math.max(leastStretchBytes, Math.min(mostStretchBytes, Math.floor(mostBytes / 16)));
}

/** What may be on its way to the peer's journal, and one stretch more. */
export const windowBytes = 4_194_304;

/** A message that the peer never takes. */
export interface Refused {
  readonly journal: string;
  readonly sequence: number;
  readonly body: Uint8Array;
}

/** What stands before records on the lane. */
export interface StretchHead {
  /** The opening they were written in. */
  readonly journal: string;
  /** The last sequence of it that was sent before in this session; 0 for the first. */
  readonly follows: number;
}

/** Records of one opening, as they go over the lane. */
export function stretchMessage({ journal, follows }: StretchHead, records: Uint8Array): Uint8Array {
  const head = Buffer.allocUnsafe(stretchHeadBytes);
  head.write(journal, 0, idBytes, 'base64url');
  writeUint48(head, idBytes, follows);
  return concat([head, records]);
}

/** The head of what a stranger sent; undefined for invalid data. */
export function readStretchHead(data: unknown): StretchHead | undefined {
  if (!(data instanceof Uint8Array) || data.length < stretchHeadBytes) return undefined;
  const journal = Buffer.from(data.buffer, data.byteOffset, idBytes).toString('base64url');
  return { journal, follows: readUint48(data, idBytes) };
}

export const isId = (value: unknown): value is string => typeof value === 'string' && /^[\w-]{22}$/.test(value);
const isSequence = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isPair = (value: unknown): value is Acknowledged =>
  Array.isArray(value) && value.length === 2 && isId(value[0]) && isSequence(value[1]);

/** The openings that a folder is opened with, the oldest first; it is opened again for those behind them. */
export const mostJournals = 256;

/** What a stranger opened with; undefined for invalid data. */
export function readOpening(data: unknown): Opening | undefined {
  if (!Array.isArray(data) || data.length !== 2) return undefined;
  const [folder, journals] = data as unknown[];
  if (!isId(folder) || !Array.isArray(journals) || journals.length > mostJournals) return undefined;
  return journals.every(isPair) ? [folder, journals] : undefined;
}

export function readOpened(data: unknown): Opened | undefined {
  if (!Array.isArray(data) || data.length !== 3) return undefined;
  const [mostBytes, had, others] = data as unknown[];
  if (!isSequence(mostBytes) || !isSequence(others) || !Array.isArray(had) || had.length > mostJournals)
    return undefined;
  return had.every(isPair) ? [mostBytes, had, others] : undefined;
}

export function readAcknowledged(data: unknown): Acknowledged | undefined {
  return isPair(data) ? data : undefined;
}

const mostReason = 200;

export function closedMessage(reason: string): ClosedMessage {
  return ['closed', reason.slice(0, mostReason)];
}

/** Why a stranger takes nothing more; undefined where it does not say so. */
export function readClosed(data: unknown): string | undefined {
  if (!Array.isArray(data) || data.length !== 2) return undefined;
  const [what, reason] = data as unknown[];
  return what === 'closed' && typeof reason === 'string' && reason.length <= mostReason ? reason : undefined;
}

const mostRequestId = 1_024;
const isRequestId = (value: unknown): value is string => typeof value === 'string' && value.length <= mostRequestId;

export function readAnswerMessage(data: unknown): AnswerMessage | undefined {
  if (!Array.isArray(data) || data.length !== 5) return undefined;
  const [what, id, digest, isError, body] = data as unknown[];
  if (what !== 'answer' || !isRequestId(id) || !isId(digest)) return undefined;
  return typeof isError === 'boolean' && body instanceof Uint8Array ? [what, id, digest, isError, body] : undefined;
}

const isAskedFor = (value: unknown): value is AskMessage[1][number] =>
  Array.isArray(value) && value.length === 2 && isRequestId(value[0]) && isId(value[1]);

/** What a stranger asks for; undefined for invalid data. */
export function readAsk(data: unknown): AskMessage[1] | undefined {
  if (!Array.isArray(data) || data.length !== 2) return undefined;
  const [what, asked] = data as unknown[];
  if (what !== 'ask' || !Array.isArray(asked) || asked.length > mostAsked) return undefined;
  return asked.every(isAskedFor) ? asked : undefined;
}

/** The id of an answer that a stranger has; undefined for invalid data. */
export function readGot(data: unknown): string | undefined {
  if (!Array.isArray(data) || data.length !== 2) return undefined;
  const [what, id] = data as unknown[];
  return what === 'got' && isRequestId(id) ? id : undefined;
}
