import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { acceptEncoding, type Encoding, encodingOf } from '../http/body-pump.ts';
import { RequestError } from '../http/failure.ts';
import { asTransferError, transferError } from '../outcomes.ts';

/** Bytes the server already has; as in the IETF's resumable uploads. */
export const offsetHeader = 'upload-offset';

/** The offset in a response to HEAD; undefined if there is none. */
export function readOffset(headers: IncomingHttpHeaders): number | undefined {
  const offset = Number(headers[offsetHeader]);
  return Number.isSafeInteger(offset) && offset >= 0 ? offset : undefined;
}

/**
 * Checks the headers of a request that continues an upload after `bytes`, before its body is read. The upload has `size`
 * bytes, or at most `limit` where that is undefined. Returns the encoding of the body. Throws a `RequestError`.
 */
export function checkUpload(
  request: IncomingMessage,
  bytes: number,
  size: number | undefined,
  limit: number,
): Encoding | undefined {
  const { headers } = request;
  const offset = headers[offsetHeader]?.toString() ?? '0';
  if (!/^\d{1,15}$/.test(offset)) throw new RequestError(transferError('malformed'));
  if (Number(offset) !== bytes) throw new RequestError(transferError('offset'), { [offsetHeader]: bytes });
  const encoding = encodingOfUpload(request);
  if (encoding !== undefined) return encoding;
  // A request with neither header has no body.
  const length = headers['content-length'] ?? (headers['transfer-encoding'] === undefined ? '0' : undefined);
  if (length === undefined) return undefined;
  const reached = bytes + Number(length);
  if (reached > (size ?? limit)) throw new RequestError(transferError('large'));
  if (size !== undefined && reached < size) throw new RequestError(transferError('size'));
  return undefined;
}

function encodingOfUpload(request: IncomingMessage): Encoding | undefined {
  try {
    return encodingOf(request);
  } catch (error) {
    throw new RequestError(asTransferError(error), { 'accept-encoding': acceptEncoding });
  }
}

/** The SHA-256 of the whole upload in hexadecimal; undefined if the request does not give it. */
export function digestOf({ headers }: IncomingMessage, offset: number): string | undefined {
  const whole = readDigest(headers['repr-digest']);
  if (whole !== undefined || offset > 0) return whole;
  return headers['content-encoding'] === undefined ? readDigest(headers['content-digest']) : undefined;
}

/** Reads a Repr-Digest or Content-Digest header (RFC 9530). */
function readDigest(header: string | readonly string[] | undefined): string | undefined {
  const match = /(?:^|[,\s])sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header?.toString() ?? '');
  return match?.[1] === undefined ? undefined : Buffer.from(match[1], 'base64').toString('hex');
}
