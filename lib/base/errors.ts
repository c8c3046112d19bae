import { textOf } from './thrown.ts';

/**
 * Every code a `BusError` can carry, with the one sentence that explains it. `docs/errors.md` is this table;
 * a spec holds the two together.
 */
export const errorCodes = {
  ERR_ABORTED: 'The caller aborted the operation through its AbortSignal.',
  ERR_ADDRESS_IN_USE: 'A live server already listens on this address; the cause is the system error.',
  ERR_CHANNEL: 'A channel was refused, or is over for this end; `reason` says why.',
  ERR_CLOSED: 'This end, or the peer, was closed in an orderly way.',
  ERR_CLUSTER_UNREACHABLE: 'No NATS server answered within the time to join; the node goes on trying.',
  ERR_CONNECT: 'No link could be opened; the cause is the system error of the last attempt.',
  ERR_CONTRACT: 'The two ends of a remote object disagree about its methods; the message names them.',
  ERR_DESTROYED: 'This end was destroyed, and everything pending was rejected at once.',
  ERR_DEVICE_GONE: 'The device is not connected to this port any more.',
  ERR_INCOMPATIBLE: 'The two ends share no version of the native protocol; the message names both.',
  ERR_INTEGRITY: 'What arrived is not what was sent: its size or its SHA-256 differs.',
  ERR_INVALID_ARGUMENT: 'A method was called with an argument it does not take.',
  ERR_INVALID_OPTION: 'An option is unknown, of the wrong type or out of its range.',
  ERR_JOURNAL:
    'The journal failed, or what it has does not fit the other end; the cause is the system error if there is one.',
  ERR_JOURNAL_CORRUPT: 'The journal holds bytes that are damaged, which were moved aside; `details` says where.',
  ERR_JOURNAL_IN_USE: 'Another process, or another part of this one, has the folder of the journal.',
  ERR_LISTEN: 'An address cannot be listened on, or not any more; the cause is the system error if there is one.',
  ERR_LISTENER: 'A listener or callback at this end threw or rejected; the cause is what it threw.',
  ERR_NAME_TAKEN: 'Another member has this name.',
  ERR_NODE_LOST: 'The node died or left before it acknowledged or answered this; whether it arrived is unknown.',
  ERR_NO_HANDLER:
    'The peer has no handler for requests, or nobody there listens to the message that is to be confirmed.',
  ERR_NO_MEMBER: 'There is no such member.',
  ERR_NO_METHOD: 'The remote object, or the method of it, is not offered.',
  ERR_NO_SERVICE: 'No member offers this service.',
  ERR_PEER_LACKS_FEATURE: 'The peer speaks a dialect, or runs without the plugin, that this call needs.',
  ERR_PLUGIN: 'A plugin could not be installed: it is not a plugin, its name is taken or a dependency is missing.',
  ERR_PROTOCOL: 'The peer sent bytes that are not valid in its dialect; the link was closed.',
  ERR_QUEUE_FULL: 'Too many sends wait for room already; this one was not accepted.',
  ERR_REFUSED: 'The other end declined what was offered to it.',
  ERR_REMOTE: 'The handler at the other end failed; the message is the one it failed with.',
  ERR_SERVER_FULL: 'The server holds as many connections as it may; the client tries again as after a lost link.',
  ERR_SESSION_LOST: 'The session ended before the peer acknowledged or answered this; whether it arrived is unknown.',
  ERR_SLOW_CONSUMER: 'The peer took nothing for too long and the slow-consumer policy gave it up.',
  ERR_SPAWN:
    'A process or thread could not be started, or ended or stayed silent instead of connecting; the cause is the error, if there is one.',
  ERR_STATE: 'The call does not fit the present state, such as starting a server twice.',
  ERR_TIMEOUT: 'The time given to the operation passed.',
  ERR_TOO_LARGE: 'A message, a handshake or a path is larger than its limit.',
  ERR_UNAUTHORIZED: 'The server refused the client.',
  ERR_UNAVAILABLE:
    'The other end cannot decide or serve now; trying again later makes sense, and a client does so by itself.',
  ERR_UNENCODABLE: 'The data cannot be encoded: it is circular or holds a value the codec does not know.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

export interface BusErrorOptions {
  readonly cause?: unknown;
  /** Plain data that travels with the error when the server allows it. */
  readonly details?: unknown;
}

/**
 * The one error class of busbar. `code` is one of `errorCodes` for errors of busbar's own; an error thrown by a remote
 * handler keeps the code it was thrown with.
 */
export class BusError extends Error {
  readonly code: string;
  declare readonly details?: unknown;

  constructor(code: ErrorCode, message?: string, options?: BusErrorOptions);
  constructor(code: string, message: string, options?: BusErrorOptions);
  constructor(code: string, message?: string, options: BusErrorOptions = {}) {
    super(message ?? sentenceOf(code), 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'BusError';
    this.code = code;
    if (options.details !== undefined) this.details = options.details;
  }
}

/** A code may be any text, since an error of the other end keeps its own. */
function sentenceOf(code: string): string {
  return Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorCode] : code;
}

/** The error as a `BusError`: itself if it is one, else wrapped as the cause of `code`. */
export function asBusError(error: unknown, code: ErrorCode): BusError {
  return error instanceof BusError ? error : new BusError(code, textOf(error), { cause: error });
}
