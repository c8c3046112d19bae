import { textOf } from './thrown.ts';

/**
 * Every code a `BusError` can carry, with the one sentence that explains it. `docs/errors.md` is this table;
 * a spec holds the two together.
 */
export const errorCodes = {
  ERR_ABORTED: 'The caller aborted the operation through its AbortSignal',
  ERR_ADDRESS_IN_USE: 'A live server already listens on this address; the cause is the system error',
  ERR_CHANNEL: 'A channel was refused, or has ended for this end; `reason` says why',
  ERR_CLOSED: 'This end, or the peer, was closed in an orderly way',
  ERR_CLUSTER_UNREACHABLE: 'No NATS server answered within the time to join; the node continues to try',
  ERR_CONNECT: 'No link could be opened; the cause is the system error of the last attempt',
  ERR_CONTRACT: 'The two ends of a remote object disagree about its methods; the message names them',
  ERR_DESTROYED: 'This end was destroyed, and everything pending was rejected at once',
  ERR_DEVICE_GONE: 'The device is not connected to this port any more',
  ERR_INCOMPATIBLE: 'The two ends share no version of the native protocol; the message names both',
  ERR_INTEGRITY: 'What arrived is not what was sent: its size or its SHA-256 differs',
  ERR_INVALID_ARGUMENT: 'A method was called with an invalid argument',
  ERR_INVALID_OPTION: 'An option is unknown, of the wrong type or out of its range',
  ERR_JOURNAL:
    'The journal failed, or its content does not match the peer; the cause is the system error if there is one',
  ERR_JOURNAL_CORRUPT: 'The journal contains damaged bytes, which were moved aside; `details` says where',
  ERR_JOURNAL_IN_USE: 'Another process, or another part of this process, uses the folder of the journal',
  ERR_LISTEN:
    'The server cannot listen on this address, or stopped listening; the cause is the system error if there is one',
  ERR_LISTENER: 'A listener or callback at this end threw or rejected; the cause is the thrown value',
  ERR_NAME_TAKEN: 'Another member has this name',
  ERR_NODE_LOST: 'The node died or left before it acknowledged or answered; it is unknown whether the message arrived',
  ERR_NO_HANDLER: 'The peer has no handler for requests, or no listener for a message that needs confirmation',
  ERR_NO_MEMBER: 'There is no such member',
  ERR_NO_METHOD: 'The peer does not offer this remote object or this method',
  ERR_NO_SERVICE: 'No member offers this service',
  ERR_PEER_LACKS_FEATURE: 'The peer speaks net-ipc, or lacks the plugin that this call needs',
  ERR_PLUGIN: 'A plugin could not be installed: it is not a plugin, its name is in use or a dependency is missing',
  ERR_PROTOCOL: 'The peer sent invalid bytes; the link was closed',
  ERR_QUEUE_FULL: 'Too many sends already wait for room; this one was not accepted',
  ERR_REFUSED: 'The peer refused the offer',
  ERR_REMOTE: 'The handler at the peer failed; the message is that of its error',
  ERR_SERVER_FULL: 'The server has its maximum of connections; the client retries as after a lost link',
  ERR_SESSION_LOST:
    'The session ended before the peer acknowledged or answered; it is unknown whether the message arrived',
  ERR_SLOW_CONSUMER: 'The peer read nothing for too long, and the slow-consumer policy dropped messages or the peer',
  ERR_SPAWN: 'A process or thread could not be started, or did not connect; the cause is the error, if there is one',
  ERR_STATE: 'The call is not possible in the present state, such as starting a server twice',
  ERR_TIMEOUT: 'The timeout of the operation passed',
  ERR_TOO_LARGE: 'A message, a handshake or a path is larger than its limit',
  ERR_UNAUTHORIZED: 'The server refused the client',
  ERR_UNAVAILABLE: 'The peer cannot decide or serve now; try again later, as a client does by itself',
  ERR_UNENCODABLE: 'The data cannot be encoded: it is circular or contains an unsupported value',
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

/** A code may be any text, since an error of the peer keeps its own. */
function sentenceOf(code: string): string {
  return Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorCode] : code;
}

/** The error as a `BusError`: itself if it is one, else wrapped as the cause of `code`. */
export function asBusError(error: unknown, code: ErrorCode): BusError {
  return error instanceof BusError ? error : new BusError(code, textOf(error), { cause: error });
}
