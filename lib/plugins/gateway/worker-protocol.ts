import { BusError } from '../../base/errors.ts';
import {
  eventTypeIds,
  type GatewayEventName,
  toBuffer,
  type WebServerMessage,
  webServerMessage,
} from './gateway-event.ts';
import type { RequestDetails, UpgradeDetails } from './request-details.ts';

/** A type of value as it comes from the other end of the bus. */
export interface Kind<Value> {
  /** With its article. */
  readonly name: string;
  is(value: unknown): value is Value;
}

/** How requests or clients are shared between the workers that asked for them. */
export type ShareMode = 'round-robin' | 'key' | 'all';

export interface ShareOptions {
  /** `round-robin` unless given; `all` is for WebSocket clients only. */
  readonly share?: ShareMode | undefined;
  /**
   * With `key`: the header field whose value decides, so that equal values go to the same worker as long as it is
   * there. The client's address decides unless given.
   */
  readonly key?: string | undefined;
}

/** Status and fields of an answer; null where they were sent before. */
export type HeadData = readonly [status: string | null, fields: readonly (readonly [string, string])[]] | null;

const modes: readonly unknown[] = ['round-robin', 'key', 'all'];

export const text = kind('a string', (value): value is string => typeof value === 'string');
export const flag = kind('a boolean', (value): value is boolean => typeof value === 'boolean');
export const whole = kind('a whole number', (value): value is number => Number.isInteger(value));
export const bytes = kind('bytes', (value): value is Uint8Array => value instanceof Uint8Array);
export const list = kind('a list', (value): value is readonly unknown[] => Array.isArray(value));
const count = kind('a count', (value): value is number => Number.isSafeInteger(value) && Number(value) >= 0);
const head = kind(
  'a head',
  (value): value is HeadData =>
    value === null ||
    (list.is(value) && (value[0] === null || text.is(value[0])) && list.is(value[1]) && value[1].every(isField)),
);
const share = kind('what is shared how', (value): value is ShareOptions => {
  if (!isRecord(value)) return false;
  const { share: mode, key } = value;
  return (mode === undefined || modes.includes(mode)) && (key === undefined || text.is(key));
});

/** What a worker tells the gateway: the name of each frame, and what follows it. */
export const workerNotes = {
  /** So many of the gateway's frames were begun in all. */
  begun: [count],
  took: [text, count],
  answer: [text, head, bytes],
  hold: [text, flag],
  abort: [text],
} as const;

/** What a worker asks the gateway, likewise. */
export const workerRequests = {
  addRoute: [text, text, share],
  removeRoute: [text, text],
  addClients: [share],
  removeClients: [],
  write: [text, head, bytes],
  stream: [text, head, bytes, count],
  /** The name of a verb and what it is called with. */
  http: [text, list],
  websocket: [text, list],
} as const;

type Frames = Readonly<Record<string, readonly Kind<unknown>[]>>;
type Values<Kinds> = { readonly [At in keyof Kinds]: Kinds[At] extends Kind<infer Value> ? Value : never };
type FrameOf<Table extends Frames> = {
  [Name in keyof Table & string]: readonly [Name, ...Values<Table[Name]>];
}[keyof Table & string];
export type WorkerNote = FrameOf<typeof workerNotes>;
export type WorkerRequest = FrameOf<typeof workerRequests>;

/** One of the frames of `table`. @throws BusError `ERR_PROTOCOL` */
export function readFrame<Table extends Frames>(table: Table, data: unknown): FrameOf<Table> {
  if (!list.is(data) || !text.is(data[0])) throw bad('is no list with a name');
  const kinds = Object.hasOwn(table, data[0]) ? table[data[0]] : undefined;
  if (kinds === undefined) throw bad(`is of no known kind: ${data[0].slice(0, 64)}`);
  const wrong = kinds.findIndex((each, at) => !each.is(data[at + 1]));
  if (wrong >= 0) throw bad(`lacks ${kinds[wrong]?.name}`);
  return data as unknown as FrameOf<Table>;
}

type TypeIds = typeof eventTypeIds;
type Begins<Name extends keyof TypeIds, Details> = readonly [
  type: TypeIds[Name],
  id: string,
  details: Details,
  /** There is no body: `HTTP_REQUEST_FINISHED` is told with it. */
  isWhole: boolean,
];
type RequestBegins = Begins<'HTTP_REQUEST_STARTED', RequestDetails>;
type ClientBegins = Begins<'WEBSOCKET_CONNECTION_ESTABLISHED', UpgradeDetails>;
type Happens = readonly [
  type: Exclude<TypeIds[keyof TypeIds], RequestBegins[0] | ClientBegins[0]>,
  id: string,
  message: Uint8Array,
  /** `isBinary` or `code`; of an event of a server, which one. */
  extra: unknown,
];

/** An event on its way to a worker. */
export type EventFrame = RequestBegins | ClientBegins | Happens;

/** Everything that the gateway tells a worker. `expelled`: its link was away for too long, and it has to begin anew. */
export type GatewayFrame = EventFrame | readonly ['expelled'];

const eventNames = new Map<unknown, GatewayEventName>(
  Object.entries(eventTypeIds).map(([name, type]) => [type, name as GatewayEventName]),
);

export function eventFrame({ eventTypeID, clientID, message, isBinary, code }: WebServerMessage): EventFrame {
  return [eventTypeID as Happens[0], clientID, message, isBinary ?? code ?? null];
}

/** Undefined for an event of a later gateway, which this worker does not know. @throws BusError `ERR_PROTOCOL` */
export function readEvent(data: unknown): EventFrame | undefined {
  if (!list.is(data) || !count.is(data[0]) || !text.is(data[1])) throw bad('is no event');
  const name = eventNames.get(data[0]);
  const content = data[2];
  if (name === undefined) return undefined;
  if (name === 'HTTP_REQUEST_STARTED') {
    if (!isUpgrade(content) || !isRequest(content)) throw bad('lacks the details of a request');
  } else if (name === 'WEBSOCKET_CONNECTION_ESTABLISHED') {
    if (!isUpgrade(content)) throw bad('lacks the details of a client');
  } else if (!bytes.is(content)) throw bad('lacks bytes');
  return data as unknown as EventFrame;
}

/** What handlers get of an event: its name and its payload. */
export function eventOf([type, id, message, extra]: Happens): [name: GatewayEventName, payload: WebServerMessage] {
  const name = eventNames.get(type) ?? 'UNKNOWN_OR_INVALID_WEBSERVER_EVENT';
  const extras = flag.is(extra) ? { isBinary: extra } : whole.is(extra) ? { code: extra } : undefined;
  return [name, webServerMessage(name, id, toBuffer(message), extras)];
}

function kind<Value>(name: string, is: (value: unknown) => value is Value): Kind<Value> {
  return { name, is };
}

function isField(value: unknown): value is readonly [string, string] {
  return list.is(value) && text.is(value[0]) && text.is(value[1]);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isUpgrade(value: unknown): value is UpgradeDetails {
  return (
    isRecord(value) &&
    text.is(value['url']) &&
    text.is(value['query']) &&
    isRecord(value['headers']) &&
    text.is(value['remoteAddress'])
  );
}

function isRequest(value: UpgradeDetails): value is RequestDetails {
  const { method, endpoint, params } = value as Partial<RequestDetails>;
  return text.is(method) && text.is(endpoint) && isRecord(params);
}

function bad(what: string): BusError {
  return new BusError('ERR_PROTOCOL', `a gateway frame ${what}`);
}
