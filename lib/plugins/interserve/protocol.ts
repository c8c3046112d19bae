import { BusError } from '../../base/errors.ts';
import { canonicalAddress } from '../../base/ip.ts';
import * as is from '../../base/shape.ts';
import { asTransferError, type Failure, failureOf, isFailure, transferError } from './outcomes.ts';
import type { ValueKind } from './payload/payload.ts';

/** Which way the bytes of a transfer go. A transfer's number is its sender's, so both together name it on a session. */
export type Way = 'down' | 'up';

/** The content as the sender announces it. */
export interface Content {
  readonly id: string;
  readonly kind: ValueKind;
  readonly size: number | undefined;
  readonly name: string | undefined;
}

/** Where the client sends its HTTP requests for a transfer. */
export interface Place {
  readonly path: string;
  readonly key: string;
  readonly ssl: boolean;
  /** The content encodings the server takes, as in Accept-Encoding. */
  readonly accept: string;
  /** Undefined: the address the client has the bus at. */
  readonly address: string | undefined;
  /** Undefined: the port the client has the bus at. */
  readonly port: number | undefined;
}

/** Confirms that the receiver has accepted the content. */
export interface Receipt {
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** How often the transfer resumed after a break. */
  readonly resumed: number;
}

/** The sender's count and hash of the whole content. */
export interface Digest {
  readonly sha256: string;
  readonly bytes: number;
}

/** Server to client, a request: fetch this. Answered when the receiver has accepted it. */
export interface OfferMessage {
  readonly op: 'offer';
  readonly transfer: number;
  readonly content: Content;
  readonly place: Place;
}
/** Client to server, a request: may I send this? Answered when the receiver has accepted it; a `place` comes before. */
export interface AskMessage {
  readonly op: 'ask';
  readonly transfer: number;
  readonly content: Content;
}
/** Server to client: the upload may start there. */
export interface PlaceMessage {
  readonly op: 'place';
  readonly transfer: number;
  readonly place: Place;
}
/** Sender to receiver, after the last byte. */
export interface DigestMessage {
  readonly op: 'digest';
  readonly way: Way;
  readonly transfer: number;
  readonly digest: Digest;
}
/** Either way: this transfer has ended, for this reason. */
export interface StopMessage {
  readonly op: 'stop';
  readonly way: Way;
  readonly transfer: number;
  readonly reason: Failure;
  readonly message: string;
}
export type ControlMessage = OfferMessage | AskMessage | PlaceMessage | DigestMessage | StopMessage;

/** The answer to an offer or an ask; failures travel as data so that their reason is kept. */
export type Answer =
  | { readonly ok: true; readonly receipt: Receipt }
  | { readonly ok: false; readonly reason: Failure; readonly message: string };

type ValueOf<Shape> = Shape extends is.Shape<infer Value> ? Value : never;

const way = is.oneOf('down', 'up');
const sha256: is.Shape<string> = (value): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const digest = is.object({ sha256, bytes: is.count() });
const receipt = is.object({ sha256, bytes: is.count(), resumed: is.count() });
const content = is.object({
  id: is.text(1024),
  kind: is.oneOf('string', 'bytes'),
  size: is.optional(is.count()),
  name: is.anything,
});
const place = is.object({
  path: is.text(256),
  key: is.text(64),
  ssl: is.anything,
  accept: is.text(256),
  address: is.anything,
  port: is.anything,
});
const reason = { reason: is.anything, message: is.text(1024) };
const failure = is.object(reason);

const transfer = is.count();
const read = is.objectReader('control message', {
  offer: { transfer, content, place },
  ask: { transfer, content },
  place: { transfer, place },
  digest: { transfer, way, digest },
  stop: { transfer, way, ...reason },
});

/** Reads a message of the lane. Throws `ERR_PROTOCOL`. */
export function readControl(data: unknown): ControlMessage {
  const message = read(data);
  switch (message.op) {
    case 'offer':
      return { ...message, content: contentOf(message.content), place: placeOf(message.place) };
    case 'ask':
      return { ...message, content: contentOf(message.content) };
    case 'place':
      return { ...message, place: placeOf(message.place) };
    case 'digest':
      return message;
    case 'stop':
      return { ...message, reason: isFailure(message.reason) ? message.reason : 'failed' };
  }
}

export function answerOf({ bytes, sha256, resumed }: Receipt): Answer {
  return { ok: true, receipt: { bytes, sha256, resumed } };
}

export function answerOfError(error: unknown): Answer {
  return { ok: false, ...reasonOf(error) };
}

/** The receipt in an answer; throws the failure in it, or `ERR_PROTOCOL`. */
export function readAnswer(data: unknown): Receipt {
  if (is.record(data) && data['ok'] === true) {
    if (!receipt(data['receipt'])) throw unreadable();
    const { bytes, sha256, resumed } = data['receipt'];
    return { bytes, sha256, resumed };
  }
  if (!failure(data)) throw unreadable();
  throw transferError(isFailure(data.reason) ? data.reason : 'failed', data.message);
}

/** An error as a stop message or an answer carries it. */
export function reasonOf(error: unknown): { reason: Failure; message: string } {
  return { reason: failureOf(error), message: asTransferError(error).message.slice(0, 500) };
}

/** The base name that `name` gives on any platform; undefined if nothing harmless is left of it. */
export function safeName(name: string | undefined): string | undefined {
  const base = name
    ?.split(/[/\\]/)
    .at(-1)
    ?.replaceAll(/[\p{Cc}<>:"|?*]/gu, '');
  return base === undefined || /^\.*$/.test(base) || Buffer.byteLength(base) > 255 ? undefined : base;
}

/** An IP address in the form for comparisons, with `::1` as 127.0.0.1; undefined for paths and names. */
export function plainAddress(address: string | undefined): string | undefined {
  const plain = canonicalAddress(address?.replace(/^\[|\](?::\d+)?$/g, '') ?? '');
  return plain === '::1' ? '127.0.0.1' : plain;
}

function contentOf({ id, kind, size, name }: ValueOf<typeof content>): Content {
  return { id, kind, size: size ?? undefined, name: safeName(typeof name === 'string' ? name : undefined) };
}

function placeOf({ path, key, ssl, accept, address, port }: ValueOf<typeof place>): Place {
  return {
    path,
    key,
    ssl: ssl === true,
    accept,
    address: typeof address === 'string' && address.length <= 255 ? address : undefined,
    port: typeof port === 'number' && port > 0 && port < 65_536 ? port : undefined,
  };
}

function unreadable(): BusError {
  return new BusError('ERR_PROTOCOL', 'An answer is not valid');
}
