import { codeOf } from '../../base/thrown.ts';
import { toFailure } from '../../base/failure.ts';
import type { Fingerprints } from './contract.ts';
import type { Reference } from './references.ts';

/** A call: with null as the object, of the callback whose number is `method`. Flat, since that is the quickest to encode. */
export type CallBody = readonly [
  object: number | null,
  method: string | number,
  refs: readonly Reference[] | null,
  ...args: unknown[],
];

export type AnswerBody =
  | readonly [ok: true, value: unknown, refs?: readonly Reference[]]
  | readonly [ok: false, code: string, message: string, details?: unknown];

/** The first element of each frame; the others follow as the types below say (`docs/rpc.md`, "On the wire"). */
export const kind = {
  call: 0,
  notify: 1,
  answer: 2,
  cancel: 3,
  release: 4,
  item: 5,
  end: 6,
  credit: 7,
  stop: 8,
  contract: 9,
} as const;

/** Frames that a channel needs, since it has no requests of its own. */
export type CallFrame =
  | readonly [kind: 0, id: number, call: CallBody, timeoutMs?: number]
  | readonly [kind: 2, id: number, answer: AnswerBody]
  | readonly [kind: 3, id: number];

export type RpcFrame =
  | readonly [kind: 1, call: CallBody]
  | readonly [kind: 4, callback: number]
  | readonly [kind: 5, stream: number, value: unknown]
  | readonly [kind: 6, stream: number, code?: string, message?: string]
  | readonly [kind: 7, stream: number, items: number]
  | readonly [kind: 8, stream: number]
  | readonly [kind: 9, object: number, hash: string, prints: Fingerprints];

// Frames are checked by hand and not by a table of shapes, since each call is checked.
export function isCallFrame(frame: unknown): frame is CallFrame {
  if (!Array.isArray(frame)) return false;
  const [first, id, body, timeoutMs] = frame as readonly unknown[];
  if (!isCount(id)) return false;
  if (first === kind.call) return isCallBody(body) && (timeoutMs === undefined || isCount(timeoutMs));
  return first === kind.answer ? isAnswerBody(body) : first === kind.cancel;
}

export function isRpcFrame(frame: unknown): frame is RpcFrame {
  if (!Array.isArray(frame)) return false;
  const [first, second, third, fourth] = frame as readonly unknown[];
  switch (first) {
    case kind.notify:
      return isCallBody(second);
    case kind.credit:
      return isCount(second) && isCount(third);
    case kind.contract:
      return isCount(second) && typeof third === 'string' && typeof fourth === 'object' && fourth !== null;
    case kind.release:
    case kind.item:
    case kind.stop:
      return isCount(second);
    case kind.end:
      return isCount(second) && isText(third) && isText(fourth);
    default:
      return false;
  }
}

export function isCallBody(body: unknown): body is CallBody {
  if (!Array.isArray(body)) return false;
  const parts: readonly unknown[] = body;
  const target = parts[0] === null ? isCount(parts[1]) : isCount(parts[0]) && typeof parts[1] === 'string';
  return target && parts.length >= 3 && (parts[2] === null || Array.isArray(parts[2]));
}

export function isAnswerBody(body: unknown): body is AnswerBody {
  if (!Array.isArray(body)) return false;
  const parts: readonly unknown[] = body;
  return parts[0] === true || (parts[0] === false && typeof parts[1] === 'string' && typeof parts[2] === 'string');
}

const longestMethod = 100;

/** The method that a call or notification is of, for who traces it. */
export function methodOf(frame: unknown): string | undefined {
  if (!Array.isArray(frame)) return undefined;
  const [first, second] = frame as readonly unknown[];
  if (Array.isArray(second)) return methodOf(second);
  if (first === null) return 'callback';
  return typeof second === 'string' ? second.slice(0, longestMethod) : undefined;
}

/** The code of an answer that is an error. */
export function failureOf(answer: unknown): string | undefined {
  return Array.isArray(answer) && answer[0] === false ? String(answer[1]) : undefined;
}

function isText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

/** Learns of what has no code of its own, which is not an answer but a bug. */
type Report = (error: unknown) => void;

/** The answer of a call that failed. */
export function failureBody(error: unknown, report?: Report): AnswerBody {
  if (codeOf(error) === undefined) report?.(error);
  const { code, message, details } = toFailure(error);
  return details === undefined ? [false, code, message] : [false, code, message, details];
}

/** The end of a stream, with its error if it failed. */
export function endFrame(stream: number, error: unknown, report: Report): RpcFrame {
  if (error === undefined) return [kind.end, stream];
  if (codeOf(error) === undefined) report(error);
  const { code, message } = toFailure(error);
  return [kind.end, stream, code, message];
}
