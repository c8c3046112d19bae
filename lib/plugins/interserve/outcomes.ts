import { codeOf, textOf } from '../../base/thrown.ts';
import { BusError, type ErrorCode } from '../../base/errors.ts';

interface Row {
  readonly status: number;
  /** Undefined for success. */
  readonly code: ErrorCode | undefined;
  readonly sentence: string;
}

/**
 * Every outcome of a request or a transfer: the HTTP status, the code of the `BusError` that rejects the receipt, and the
 * sentence that `failure` callbacks get. `docs/interserve.md` shows this table; a spec compares the two.
 */
export const outcomes = {
  whole: { status: 200, code: undefined, sentence: 'The whole body follows.' },
  taken: { status: 200, code: undefined, sentence: 'The upload is complete and its receiver accepted it.' },
  part: { status: 206, code: undefined, sentence: 'The requested range follows.' },
  malformed: { status: 400, code: 'ERR_INVALID_ARGUMENT', sentence: 'The request does not match its endpoint.' },
  size: { status: 400, code: 'ERR_INTEGRITY', sentence: 'Fewer bytes arrived than were announced.' },
  unauthorized: {
    status: 401,
    code: 'ERR_UNAUTHORIZED',
    sentence: 'The key is missing, wrong or used from another address.',
  },
  foreign: { status: 403, code: 'ERR_UNAUTHORIZED', sentence: 'The endpoint belongs to another peer.' },
  refused: { status: 403, code: 'ERR_REFUSED', sentence: 'The handshake refused the upload.' },
  interrupted: { status: 403, code: 'ERR_REFUSED', sentence: 'The interrupt stopped the transfer.' },
  unknown: { status: 404, code: 'ERR_NO_HANDLER', sentence: 'There is no such endpoint, or nobody receives on it.' },
  method: { status: 405, code: 'ERR_INVALID_ARGUMENT', sentence: 'The endpoint does not support this method.' },
  stalled: { status: 408, code: 'ERR_TIMEOUT', sentence: 'No bytes moved for too long.' },
  offset: {
    status: 409,
    code: 'ERR_INVALID_ARGUMENT',
    sentence: 'The upload does not continue where the last one ended.',
  },
  expired: { status: 410, code: 'ERR_TIMEOUT', sentence: 'The transfer did not start in time.' },
  gone: { status: 410, code: 'ERR_STATE', sentence: 'The endpoint was used or removed, or has expired.' },
  large: { status: 413, code: 'ERR_TOO_LARGE', sentence: 'More bytes than were announced or are allowed.' },
  encoding: {
    status: 415,
    code: 'ERR_INVALID_ARGUMENT',
    sentence: 'The content encoding is not supported.',
  },
  range: { status: 416, code: 'ERR_INVALID_ARGUMENT', sentence: 'The range is outside of the content.' },
  mismatch: {
    status: 422,
    code: 'ERR_INTEGRITY',
    sentence: 'The SHA-256 of the received data differs from that of the sent data.',
  },
  busy: { status: 429, code: 'ERR_QUEUE_FULL', sentence: 'Too many bytes wait to be transferred.' },
  headers: { status: 431, code: 'ERR_TOO_LARGE', sentence: 'The request headers are too large.' },
  aborted: { status: 499, code: 'ERR_ABORTED', sentence: 'The transfer was aborted.' },
  left: { status: 499, code: 'ERR_CLOSED', sentence: 'The peer left before the transfer had ended.' },
  lost: { status: 499, code: 'ERR_NODE_LOST', sentence: 'The node of the peer died or left.' },
  failed: { status: 500, code: 'ERR_REMOTE', sentence: 'A callback of the receiver failed.' },
  lacking: {
    status: 501,
    code: 'ERR_PEER_LACKS_FEATURE',
    sentence: 'The peer lacks the plugin interserve, or speaks net-ipc.',
  },
  unreachable: { status: 504, code: 'ERR_CONNECT', sentence: 'The endpoint could not be reached.' },
  storage: { status: 507, code: 'ERR_REMOTE', sentence: 'The receiver could not store the content.' },
} as const satisfies Record<string, Row>;

export type Outcome = keyof typeof outcomes;
export type Failure = { [Name in Outcome]: (typeof outcomes)[Name]['code'] extends undefined ? never : Name }[Outcome];

const failures: ReadonlySet<unknown> = new Set(
  Object.entries(outcomes).flatMap(([name, { code }]) => (code === undefined ? [] : [name])),
);

export function isFailure(name: unknown): name is Failure {
  return failures.has(name);
}

/** The failure as an error; its `details` are `{ status, reason }`, `reason` being the name in the table. */
export function transferError(name: Failure, message?: string, cause?: unknown): BusError {
  const { status, code, sentence } = outcomes[name];
  return new BusError(code, message ?? sentence, { cause, details: { status, reason: name } });
}

/** The row an error belongs to: the one it was made from, else the one of its code, else `failed`. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof BusError)) return isStorage(error) ? 'storage' : 'failed';
  const details = error.details;
  if (typeof details === 'object' && details !== null && 'reason' in details && isFailure(details.reason)) {
    return details.reason;
  }
  return byCode.get(error.code) ?? 'failed';
}

/** Any error as a transfer's error, with the same message. */
export function asTransferError(error: unknown): BusError {
  const name = failureOf(error);
  if (error instanceof BusError && error.code === outcomes[name].code && error.details !== undefined) return error;
  return transferError(name, textOf(error), error);
}

/** Rows for errors of the bus itself; a code may be any text, because errors of the peer keep theirs. */
const byCode: ReadonlyMap<string, Failure> = new Map([
  ['ERR_ABORTED', 'aborted'],
  ['ERR_CLOSED', 'left'],
  ['ERR_DESTROYED', 'left'],
  ['ERR_SESSION_LOST', 'left'],
  ['ERR_NODE_LOST', 'lost'],
  ['ERR_NO_MEMBER', 'left'],
  ['ERR_PEER_LACKS_FEATURE', 'lacking'],
  ['ERR_NO_HANDLER', 'unknown'],
  ['ERR_QUEUE_FULL', 'busy'],
  ['ERR_TIMEOUT', 'expired'],
  ['ERR_TOO_LARGE', 'large'],
]);

function isStorage(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EIO', 'EMFILE'].includes(codeOf(error) ?? '');
}
