import { BusError } from '../../base/errors.ts';
import { canonicalAddress } from '../../base/ip.ts';
import { asTransferError, type Failure, isFailure, transferError } from './outcomes.ts';
import type { ValueKind } from './payload/payload.ts';

/** Which way the bytes of a transfer go. A transfer's number is its sender's, so both together name it on a session. */
export type Way = 'down' | 'up';

/** What the sender says of the content. */
export interface Content {
  readonly id: string;
  readonly kind: ValueKind;
  readonly size: number | undefined;
  readonly name: string | undefined;
}

/** Where the receiver of an offer, or the sender of an upload, goes with HTTP. */
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

/** What a receipt says: the receiver took this many bytes with this hash, after so many breaks. */
export interface Receipt {
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** How often the transfer went on after a break. */
  readonly resumed: number;
}

/** What the sender says of the whole. */
export interface Digest {
  readonly sha256: string;
  readonly bytes: number;
}

/** Server to client, a request: come and fetch this. Answered when the receiver took it. */
export interface OfferMessage {
  readonly op: 'offer';
  readonly transfer: number;
  readonly content: Content;
  readonly place: Place;
}
/** Client to server, a request: may I send this? Answered when the receiver took it; a `place` comes meanwhile. */
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
/** Sender to receiver, once the last byte was read. */
export interface DigestMessage {
  readonly op: 'digest';
  readonly way: Way;
  readonly transfer: number;
  readonly digest: Digest;
}
/** Either way: this transfer is over, for this reason. */
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

/** Reads what came over the lane. Throws `ERR_PROTOCOL`. */
export function readControl(data: unknown): ControlMessage {
  const op = field(data, 'op');
  const transfer = count(field(data, 'transfer'));
  switch (op) {
    case 'offer':
      return { op, transfer, content: readContent(field(data, 'content')), place: readPlace(field(data, 'place')) };
    case 'ask':
      return { op, transfer, content: readContent(field(data, 'content')) };
    case 'place':
      return { op, transfer, place: readPlace(field(data, 'place')) };
    case 'digest':
      return { op, transfer, way: way(field(data, 'way')), digest: readDigest(field(data, 'digest')) };
    case 'stop': {
      const reason = readReason(field(data, 'reason'));
      return { op, transfer, way: way(field(data, 'way')), reason, message: text(field(data, 'message'), 1024) };
    }
    default:
      throw new BusError('ERR_PROTOCOL', 'A control message of an unknown kind');
  }
}

export function answerOf(receipt: Receipt): Answer {
  return { ok: true, receipt: { bytes: receipt.bytes, sha256: receipt.sha256, resumed: receipt.resumed } };
}

export function answerOfError(error: unknown): Answer {
  const { reason, message } = reasonOf(error);
  return { ok: false, reason, message };
}

/** The receipt in an answer; throws the failure in it, or `ERR_PROTOCOL`. */
export function readAnswer(data: unknown): Receipt {
  if (field(data, 'ok') === true) {
    const receipt = field(data, 'receipt');
    return { ...readDigest(receipt), resumed: count(field(receipt, 'resumed')) };
  }
  throw transferError(readReason(field(data, 'reason')), text(field(data, 'message'), 1024));
}

/** What a stop message says of an error. */
export function reasonOf(error: unknown): { reason: Failure; message: string } {
  const transfer = asTransferError(error);
  const reason = field(transfer.details, 'reason');
  return { reason: isFailure(reason) ? reason : 'failed', message: transfer.message.slice(0, 500) };
}

/** The base name that `name` gives on any platform; undefined if nothing harmless is left of it. */
export function safeName(name: string | undefined): string | undefined {
  const base = name
    ?.split(/[/\\]/)
    .at(-1)
    ?.replaceAll(/[\p{Cc}<>:"|?*]/gu, '');
  return base === undefined || /^\.*$/.test(base) || Buffer.byteLength(base) > 255 ? undefined : base;
}

/** An IP address as it is compared, this machine's own as 127.0.0.1 in either family; undefined for paths and names. */
export function plainAddress(address: string | undefined): string | undefined {
  const plain = canonicalAddress(address?.replace(/^\[|\](?::\d+)?$/g, '') ?? '');
  return plain === '::1' ? '127.0.0.1' : plain;
}

function readContent(data: unknown): Content {
  const kind = field(data, 'kind');
  if (kind !== 'string' && kind !== 'bytes') throw unreadable();
  const size = field(data, 'size');
  const name = field(data, 'name');
  return {
    id: text(field(data, 'id'), 1024),
    kind,
    size: size === undefined || size === null ? undefined : count(size),
    name: safeName(typeof name === 'string' ? name : undefined),
  };
}

function readPlace(data: unknown): Place {
  const address = field(data, 'address');
  const port = field(data, 'port');
  return {
    path: text(field(data, 'path'), 256),
    key: text(field(data, 'key'), 64),
    ssl: field(data, 'ssl') === true,
    accept: text(field(data, 'accept'), 256),
    address: typeof address === 'string' && address.length <= 255 ? address : undefined,
    port: typeof port === 'number' && port > 0 && port < 65_536 ? port : undefined,
  };
}

function readDigest(data: unknown): Digest {
  const sha256 = text(field(data, 'sha256'), 64);
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw unreadable();
  return { sha256, bytes: count(field(data, 'bytes')) };
}

function readReason(reason: unknown): Failure {
  return isFailure(reason) ? reason : 'failed';
}

function way(value: unknown): Way {
  if (value !== 'down' && value !== 'up') throw unreadable();
  return value;
}

function count(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw unreadable();
  return value;
}

function text(value: unknown, longest: number): string {
  if (typeof value !== 'string' || value.length > longest) throw unreadable();
  return value;
}

function field(data: unknown, name: string): unknown {
  return typeof data === 'object' && data !== null && Object.hasOwn(data, name)
    ? Object.getOwnPropertyDescriptor(data, name)?.value
    : undefined;
}

function unreadable(): BusError {
  return new BusError('ERR_PROTOCOL', 'A control message that cannot be read');
}
