import { asBuffer } from '../../base/bytes.ts';
import { BusError } from '../../base/errors.ts';

/** The number that travels as `eventTypeID` with each event. */
export const eventTypeIds = {
  UNKNOWN_OR_INVALID_WEBSERVER_EVENT: 0,
  WEBSOCKET_CONNECTION_ESTABLISHED: 1,
  WEBSOCKET_MESSAGE_RECEIVED: 2,
  WEBSOCKET_CONNECTION_CLOSED: 3,
  SERVER_STARTED_LISTENING: 4,
  SERVER_STOPPED_LISTENING: 5,
  HTTP_REQUEST_STARTED: 6,
  HTTP_DATA_RECEIVED: 7,
  HTTP_REQUEST_FINISHED: 8,
  HTTP_CONNECTION_ABORTED: 9,
  HTTP_CONNECTION_WRITABLE: 10,
  WEBSOCKET_DRAINED: 11,
  WEBSOCKET_DROPPED: 12,
  EVENT_QUEUE_FULL: 13,
} as const;

/** Every event that carries a payload. */
export type GatewayEventName = keyof typeof eventTypeIds;

/** Every event; `ASYNC_POLLING_UPDATE` comes after each poll and carries nothing. */
export type AnyEventName = GatewayEventName | 'ASYNC_POLLING_UPDATE';

type CommonEventName = 'ASYNC_POLLING_UPDATE' | 'EVENT_QUEUE_FULL' | 'UNKNOWN_OR_INVALID_WEBSERVER_EVENT';
export type HttpEventName = Extract<AnyEventName, `HTTP_${string}` | `SERVER_${string}`> | CommonEventName;
export type WebSocketEventName = Extract<AnyEventName, `WEBSOCKET_${string}` | `SERVER_${string}`> | CommonEventName;

/**
 * The events that workers get of a request or a WebSocket client between its first and its last one. `credited`: the bytes
 * count towards the window until the worker's handlers have finished. `kept`: another worker gets it if this one has not
 * begun it, which is so for credited ones too. `fleeting`: only the workers of the moment get it.
 */
export const passedOn = {
  http: { HTTP_DATA_RECEIVED: 'credited', HTTP_REQUEST_FINISHED: 'kept' },
  websocket: { WEBSOCKET_MESSAGE_RECEIVED: 'credited', WEBSOCKET_DRAINED: 'fleeting', WEBSOCKET_DROPPED: 'fleeting' },
} as const satisfies Readonly<Record<string, Partial<Record<GatewayEventName, Passing>>>>;
export type Passing = 'credited' | 'kept' | 'fleeting';

/** What a piece of a body, or a message, counts towards the window: an empty one costs something too. */
export function creditOf(message: Uint8Array): number {
  return message.length + 64;
}

/** The `clientID` of events that concern a server itself rather than one client. */
export const serverClientId = 'SERVER';

/** What a handler gets beside the event's name. The client may have left by the time it is read. */
export interface WebServerMessage {
  readonly eventTypeID: number;
  /** The opaque handle of a request or a WebSocket client, or `SERVER`. */
  readonly clientID: string;
  /** A body chunk, a WebSocket message, a close reason, a port, an offset: whatever the event is about. */
  readonly message: Buffer;
  /** Of a WebSocket message: false for text. */
  readonly isBinary?: boolean;
  /** The WebSocket close code. */
  readonly code?: number;
  /** Of `HTTP_CONNECTION_WRITABLE`: the first byte to send again. */
  readonly offset?: number;
  /** Of `UNKNOWN_OR_INVALID_WEBSERVER_EVENT`: what failed. */
  readonly error?: BusError;
}

/** The members that only some events have. */
export type EventExtras = Pick<WebServerMessage, 'isBinary' | 'code' | 'offset' | 'error'>;

export type EventHandler<Name extends AnyEventName> = [Name] extends [GatewayEventName]
  ? (event: Name, payload: WebServerMessage) => unknown
  : (event: Name, payload?: WebServerMessage) => unknown;

const nothing = Buffer.alloc(0);

/** The payload of `name` for `clientID`; a string is encoded as UTF-8. */
export function webServerMessage(
  name: GatewayEventName,
  clientID: string,
  message: Buffer | string = nothing,
  extras?: EventExtras,
): WebServerMessage {
  const bytes = typeof message === 'string' ? Buffer.from(message) : message;
  const eventTypeID = eventTypeIds[name];
  return extras === undefined
    ? { eventTypeID, clientID, message: bytes }
    : { eventTypeID, clientID, message: bytes, ...extras };
}

/** A body or a message; a string is encoded as UTF-8. */
export type BodyData = string | Uint8Array;

/** @throws BusError `ERR_INVALID_ARGUMENT` */
export function toBuffer(data: BodyData): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  if (data instanceof Uint8Array) return asBuffer(data);
  throw new BusError('ERR_INVALID_ARGUMENT', 'A body must be a string or a Uint8Array');
}
