import type { BusError } from '../../base/errors.ts';

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

/** What the events of a server itself, rather than of one client, have as their `clientID`. */
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

export type EventHandler<Name extends AnyEventName> = Name extends 'ASYNC_POLLING_UPDATE'
  ? (event: Name) => unknown
  : (event: Name, payload: WebServerMessage) => unknown;

const nothing = Buffer.alloc(0);

/** The payload of `name` for `clientID`; a string is encoded as UTF-8. */
export function webServerMessage(
  name: GatewayEventName,
  clientID: string,
  message: Buffer | string = nothing,
  more?: Pick<WebServerMessage, 'isBinary' | 'code' | 'offset' | 'error'>,
): WebServerMessage {
  const bytes = typeof message === 'string' ? Buffer.from(message) : message;
  const eventTypeID = eventTypeIds[name];
  return more === undefined
    ? { eventTypeID, clientID, message: bytes }
    : { eventTypeID, clientID, message: bytes, ...more };
}
