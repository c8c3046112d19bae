import { BusError } from '../../../base/errors.ts';
import {
  anything,
  bytes,
  count,
  flag,
  type ListMessage,
  listOf,
  listReader,
  object,
  oneOf,
  optional,
  record,
  type Shape,
  text,
  tuple,
} from '../../../base/shape.ts';
import {
  eventTypeIds,
  type GatewayEventName,
  toBuffer,
  type WebServerMessage,
  webServerMessage,
} from '../gateway-event.ts';
import type { RequestDetails, UpgradeDetails } from '../request-details.ts';

/** How requests or clients are shared between the workers that asked for them. */
export type ShareMode = 'round-robin' | 'key' | 'all';

export interface ShareOptions {
  /** By default `round-robin`; `all` is for WebSocket clients only. */
  readonly share?: ShareMode | undefined;
  /**
   * With `key`: the header field whose value decides, so that equal values go to the same worker as long as it is
   * there. By default the client's address decides.
   */
  readonly key?: string | undefined;
}

/** Status and fields of an answer; null if they were sent before. */
export type HeadData = readonly [status: string | null, fields: readonly (readonly [string, string])[]] | null;

const id = text();
const sharing = object({ share: optional(oneOf('round-robin', 'key', 'all')), key: optional(text()) });
const share: Shape<ShareOptions> = (value): value is ShareOptions => sharing(value);
const statusAndFields = tuple(optional(text()), listOf(tuple(text(), text())));
const head: Shape<HeadData> = (value): value is HeadData => value === null || statusAndFields(value);
const args = listOf(anything);
const code = count(65_535);

/** What a worker tells the gateway: the name of each note, and what follows it. */
const workerNotes = {
  /** How many of the gateway's frames were begun in all. */
  begun: [count()],
  /** Handlers have finished with this many bytes of a request or a client. */
  took: [id, count()],
  answer: [id, head, bytes],
  hold: [id, flag],
  abort: [id],
} as const;

/** What a worker asks the gateway: the name of each request, and what follows it. */
const workerRequests = {
  addRoute: [text(), text(), share],
  removeRoute: [text(), text()],
  addClients: [share],
  removeClients: [],
  write: [id, head, bytes],
  stream: [id, head, bytes, count()],
  /** The name of a verb and its arguments. */
  http: [text(), args],
  websocket: [text(), args],
} as const;

export type WorkerNote = ListMessage<typeof workerNotes>;
export type WorkerRequest = ListMessage<typeof workerRequests>;

export const readNote = listReader('note of a gateway worker', workerNotes);
export const readRequest = listReader('request of a gateway worker', workerRequests);

type TypeIds = typeof eventTypeIds;
type Begins<Name extends keyof TypeIds, Details> = readonly [
  type: TypeIds[Name],
  id: string,
  details: Details,
  /** There is no body, and no frame for `HTTP_REQUEST_FINISHED` follows. */
  isWhole: boolean,
];
type RequestBegins = Begins<'HTTP_REQUEST_STARTED', RequestDetails>;
type ClientBegins = Begins<'WEBSOCKET_CONNECTION_ESTABLISHED', UpgradeDetails>;
type Happens = readonly [
  type: Exclude<TypeIds[keyof TypeIds], RequestBegins[0] | ClientBegins[0]>,
  id: string,
  message: Uint8Array,
  /** `isBinary` or `code` of the payload; for an event of a server, its kind. */
  extra: unknown,
];

/** An event on its way to a worker. */
export type EventFrame = RequestBegins | ClientBegins | Happens;

/** A node is gone, with its requests and clients. */
export type LostFrame = readonly ['lost', node: string];

/** Everything that the gateway sends to a worker. `expelled`: its link was down for too long, and it starts again. */
export type GatewayFrame = EventFrame | LostFrame | readonly ['expelled'];

const eventNames = new Map<unknown, GatewayEventName>(
  Object.entries(eventTypeIds).map(([name, type]) => [type, name as GatewayEventName]),
);

export function eventFrame({ eventTypeID, clientID, message, isBinary, code }: WebServerMessage): EventFrame {
  return [eventTypeID as Happens[0], clientID, message, isBinary ?? code ?? null];
}

/** Undefined for an event that only a later version knows. @throws BusError `ERR_PROTOCOL` */
export function readEvent(data: unknown): EventFrame | LostFrame | undefined {
  if (!Array.isArray(data) || typeof data[1] !== 'string') throw bad('is not an event');
  if (data[0] === 'lost') return ['lost', data[1]];
  const [type, , content] = data as readonly unknown[];
  const name = eventNames.get(type);
  if (name === undefined) {
    if (typeof type !== 'number') throw bad('is not an event');
    return undefined;
  }
  if (name === 'HTTP_REQUEST_STARTED') {
    if (!isUpgrade(content) || !isRequest(content)) throw bad('lacks the details of a request');
  } else if (name === 'WEBSOCKET_CONNECTION_ESTABLISHED') {
    if (!isUpgrade(content)) throw bad('lacks the details of a client');
  } else if (!bytes(content)) throw bad('lacks bytes');
  return data as unknown as EventFrame;
}

/** What handlers get: the name of the event and its payload. */
export function eventOf([type, id, message, extra]: Happens): [name: GatewayEventName, payload: WebServerMessage] {
  const name = eventNames.get(type) ?? 'UNKNOWN_OR_INVALID_WEBSERVER_EVENT';
  const extras = flag(extra) ? { isBinary: extra } : code(extra) ? { code: extra } : undefined;
  return [name, webServerMessage(name, id, toBuffer(message), extras)];
}

function isUpgrade(value: unknown): value is UpgradeDetails {
  if (!record(value)) return false;
  const { url, query, headers, remoteAddress } = value;
  return typeof url === 'string' && typeof query === 'string' && record(headers) && typeof remoteAddress === 'string';
}

function isRequest({ method, endpoint, params }: Partial<RequestDetails>): boolean {
  return typeof method === 'string' && typeof endpoint === 'string' && record(params);
}

function bad(what: string): BusError {
  return new BusError('ERR_PROTOCOL', `A frame of the gateway ${what}`);
}
