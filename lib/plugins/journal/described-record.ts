import { isUtf8 } from 'node:buffer';
import { MessageCodec } from '../../bus/plugin.ts';
import { deadIdOf, readDead, readDiscarded } from './format/dead-letter-record.ts';
import { messageHeadBytes, messagesIn, RecordKind } from './format/message-record.ts';
import { readOwned, readReceived, receivedHeadBytes } from './format/received-record.ts';
import { readRequestBody } from './format/request-body.ts';
import { readAnswer } from './inbox/answers.ts';
import { type Change, changesIn, Progress } from './inbox/progress.ts';
import { readUint48 } from './log/record.ts';

const codec = new MessageCodec();
const handledHeadBytes = 13;

/** What a record says, as plain values for people to read. One that no journal wrote is shown as its bytes. */
export function describeRecord(bytes: Uint8Array, start: number, end: number): Readonly<Record<string, unknown>> {
  const body = bytes.subarray(start, end);
  return describeJournalRecord(body) ?? { kind: 'other', ...describeBytes(body) };
}

function describeJournalRecord(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  switch (body[0]) {
    case RecordKind.message:
      if (body.length < messageHeadBytes) return undefined;
      return { kind: 'message', ...describeMessage(body, readUint48(body, 1), messageHeadBytes, body.length) };
    case RecordKind.taken:
      return body.length === messageHeadBytes ? { kind: 'taken', upTo: readUint48(body, 1) } : undefined;
    case RecordKind.received:
      return body.length < receivedHeadBytes ? undefined : describeReceived(body);
    case RecordKind.handled:
      return body.length < handledHeadBytes ? undefined : { kind: 'handled', ...readHandled(body) };
    case RecordKind.changes:
      return { kind: 'changes', changes: [...changesIn(body, 0, body.length)].map(describeChange) };
    case RecordKind.dead:
      return describeDead(body);
    case RecordKind.answer:
      return describeAnswer(body);
    case RecordKind.discarded:
      return { kind: 'discarded', id: readDiscarded(body, 0, body.length) };
    case RecordKind.owned:
      return { kind: 'owned', ...readOwned(body, 0, body.length) };
    case RecordKind.heading:
      return describeHeading(body);
    default:
      return undefined;
  }
}

function readHandled(body: Uint8Array): object {
  const progress = new Progress();
  progress.read(body, 0, body.length);
  return progress.row;
}

function describeChange([number, attempts]: Change): object {
  return attempts === undefined ? { number, isDone: true } : { number, attempts };
}

function describeDead(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const { mark, data } = readDead(body, 0, body.length);
    return { kind: 'dead', id: deadIdOf(mark), ...mark, ...describeData(data) };
  } catch {
    return undefined;
  }
}

function describeAnswer(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const { mark, data } = readAnswer(body, 0, body.length);
    return { kind: 'answer', ...mark, ...describeData(data) };
  } catch {
    return undefined;
  }
}

function describeReceived(body: Uint8Array): Readonly<Record<string, unknown>> {
  const { folder, journal, after, first } = readReceived(body, 0);
  const records = body.subarray(receivedHeadBytes);
  let number = first;
  const messages = [...messagesIn(records)]
    .filter(({ sequence }) => sequence > after)
    .map(({ sequence, timeMs, start, end }) => ({
      number: number++,
      sequence,
      ...describeMessage(records, timeMs, start, end),
    }));
  return { kind: 'received', folder, journal, messages };
}

function describeMessage(
  bytes: Uint8Array,
  timeMs: number,
  start: number,
  end: number,
): Readonly<Record<string, unknown>> {
  const body = bytes.subarray(start, end);
  // Later than any date is what no journal wrote.
  const time = timeMs <= 8_640_000_000_000_000 ? new Date(timeMs).toISOString() : timeMs;
  return { time, ...describeData(body) };
}

function describeData(body: Uint8Array): Readonly<Record<string, unknown>> {
  const request = readRequestBody(body);
  if (request !== undefined) return { key: request.key, request: describeData(request.data) };
  try {
    return { data: codec.decode(body) };
  } catch {
    return describeBytes(body);
  }
}

function describeHeading(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const state: unknown = JSON.parse(Buffer.from(body.subarray(1)).toString());
    return typeof state === 'object' && state !== null ? { ...state, kind: 'heading' } : undefined;
  } catch {
    return undefined;
  }
}

function describeBytes(bytes: Uint8Array): Readonly<Record<string, string>> {
  const buffer = Buffer.from(bytes);
  return isUtf8(buffer) ? { text: buffer.toString() } : { base64: buffer.toString('base64') };
}
