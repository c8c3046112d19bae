import { concat } from '../../base/bytes.ts';

/** What is opened with: the folder of the sender, and up to where it ever came in each opening that it still has. */
export type Opening = readonly [folder: string, journals: readonly (readonly [journal: string, last: number])[]];

/** What the receiver has of each of those. */
export type Opened = readonly (readonly [journal: string, sequence: number])[];

/** The receiver has written down all of that opening up to the sequence. */
export type Acknowledged = readonly [journal: string, sequence: number];

/** Asks whether listeners have had all that was acknowledged; answered when they have. */
export const heardQuestion = 'heard';

/** A server asks a client for the id of its journal. */
export const whoQuestion = 'who';

/** Says that nothing more comes of the journal, so that another peer may have it; answered when that is known. */
export const leaveQuestion = 'leave';

/** What a request was answered with: what was encoded of it, or of an error's code and message. */
export type AnswerMessage = readonly ['answer', id: string, isError: boolean, body: Uint8Array];

export function answerMessage(id: string, isError: boolean, body: Uint8Array): AnswerMessage {
  return ['answer', id, isError, body];
}

/** Asks for the answers of requests that the receiver has. */
export type AskMessage = readonly ['ask', ids: readonly string[]];
export const mostAsked = 1_000;

/** Says that an answer came. */
export type GotMessage = readonly ['got', id: string];

const idBytes = 16;

/** Records of one opening, as they go over the lane: the id, and the records behind it. */
export function stretchMessage(journal: string, records: Uint8Array): Uint8Array {
  return concat([Buffer.from(journal, 'base64url'), records]);
}

export const stretchHeadBytes = idBytes;

/** The journal of a stretch that a stranger sent; undefined for what is none. */
export function journalOfStretch(data: unknown): string | undefined {
  if (!(data instanceof Uint8Array) || data.length < idBytes) return undefined;
  return Buffer.from(data.buffer, data.byteOffset, idBytes).toString('base64url');
}

export const isId = (value: unknown): value is string => typeof value === 'string' && /^[\w-]{22}$/.test(value);
const isSequence = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isPair = (value: unknown): value is Acknowledged =>
  Array.isArray(value) && value.length === 2 && isId(value[0]) && isSequence(value[1]);

/** The openings that one folder may have waiting. */
export const mostJournals = 4_096;

/** What a stranger opened with; undefined for what is none. */
export function readOpening(data: unknown): Opening | undefined {
  if (!Array.isArray(data) || data.length !== 2) return undefined;
  const [folder, journals] = data as unknown[];
  if (!isId(folder) || !Array.isArray(journals) || journals.length > mostJournals) return undefined;
  return journals.every(isPair) ? [folder, journals] : undefined;
}

export function readOpened(data: unknown): Opened | undefined {
  return Array.isArray(data) && data.length <= mostJournals && data.every(isPair) ? data : undefined;
}

export function readAcknowledged(data: unknown): Acknowledged | undefined {
  return isPair(data) ? data : undefined;
}

const mostRequestId = 1_024;
const isRequestId = (value: unknown): value is string => typeof value === 'string' && value.length <= mostRequestId;

export function readAnswerMessage(data: unknown): AnswerMessage | undefined {
  if (!Array.isArray(data) || data.length !== 4) return undefined;
  const [what, id, isError, body] = data as unknown[];
  const isAnswer = what === 'answer' && isRequestId(id) && typeof isError === 'boolean' && body instanceof Uint8Array;
  return isAnswer ? [what, id, isError, body] : undefined;
}

/** The ids that a stranger asks for; undefined for what is none. */
export function readAsk(data: unknown): readonly string[] | undefined {
  if (!Array.isArray(data) || data.length !== 2) return undefined;
  const [what, ids] = data as unknown[];
  if (what !== 'ask' || !Array.isArray(ids) || ids.length > mostAsked) return undefined;
  return ids.every(isRequestId) ? ids : undefined;
}

/** The id of an answer that a stranger has; undefined for what is none. */
export function readGot(data: unknown): string | undefined {
  if (!Array.isArray(data) || data.length !== 2) return undefined;
  const [what, id] = data as unknown[];
  return what === 'got' && isRequestId(id) ? id : undefined;
}
