import { createHash } from 'node:crypto';
import { allocate } from '../../../base/bytes.ts';

/** What begins no message: no MessagePack does. */
const mark = 0xc1;
const headBytes = 3;
export const mostKeyBytes = 256;

/** A request as it stands among the messages of its sender. */
export interface DurableRequest {
  /** undefined: it is the only one of its kind. */
  readonly key: string | undefined;
  readonly data: Uint8Array;
}

export function requestBody({ key = '', data }: DurableRequest): Uint8Array {
  const text = Buffer.from(key);
  const body = allocate(headBytes + text.length + data.length);
  body[0] = mark;
  body[1] = text.length;
  body[2] = text.length >>> 8;
  body.set(text, headBytes);
  body.set(data, headBytes + text.length);
  return body;
}

export function isRequestBody(body: Uint8Array): boolean {
  return body[0] === mark && readRequestBody(body) !== undefined;
}

/** Undefined for invalid data; `data` is a part of `body`. */
export function readRequestBody(body: Uint8Array): DurableRequest | undefined {
  const keyBytes = (body[1] ?? 0) | ((body[2] ?? 0) << 8);
  const dataAt = headBytes + keyBytes;
  if (body[0] !== mark || keyBytes > mostKeyBytes || dataAt >= body.length) return undefined;
  const key = keyBytes === 0 ? undefined : Buffer.from(body.subarray(headBytes, dataAt)).toString();
  return { key, data: body.subarray(dataAt) };
}

/** By what sender and receiver mean one request, within one folder. */
export function requestIdOf(key: string | undefined, journal: string, sequence: number): string {
  return key === undefined ? `#${journal}.${sequence}` : `=${key}`;
}

/** Of what is asked, in 22 characters, as ids have. */
export function digestOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('base64url').slice(0, 22);
}

/** Nobody can ask for it again, since it has no key. */
export function isOnlyOnce(id: string): boolean {
  return id.startsWith('#');
}
