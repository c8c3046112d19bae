import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Intake } from '../intake.ts';
import { asTransferError, outcomes, transferError } from '../outcomes.ts';
import type { Transfer } from '../transfer.ts';
import { answerFailure, HttpAnswer } from './answer.ts';
import { Breather } from './breather.ts';
import { readDigest } from './digest-header.ts';
import { decoded, isBreak } from './decoded.ts';
import { acceptEncoding, type Encoding, isEncoding } from './encodings.ts';

/** How many bytes are there already; as in the IETF's resumable uploads. */
export const offsetHeader = 'upload-offset';

export interface UploadOptions {
  /** What an upload of unknown length may come to. */
  readonly limit: number;
  /** Makes the receiving end, with the first request that may bring bytes; throws where nobody receives. */
  openIntake(): Intake;
  /** Whether the requester waits for leave to send its body. */
  readonly expectsContinue: boolean;
}

/** Answers a HEAD on an upload: where to go on. */
export function tellOffset(response: ServerResponse, transfer: Transfer): void {
  response.writeHead(outcomes.taken.status, {
    [offsetHeader]: transfer.intake?.bytes ?? 0,
    'cache-control': 'no-store',
  });
  response.end();
}

/**
 * Takes the body of a PUT or POST and answers when the receiver took the whole. What does not fit is refused before the
 * body is read and changes nothing; a break leaves the upload to be resumed; anything else ends it.
 */
export async function acceptUpload(
  request: IncomingMessage,
  response: ServerResponse,
  transfer: Transfer,
  { limit, openIntake, expectsContinue }: UploadOptions,
): Promise<void> {
  const done = await transfer.claim((why) => (why === undefined ? request.destroy() : answerFailure(response, why)));
  try {
    if (transfer.over) {
      await transfer.ended;
      throw transferError('gone');
    }
    const encoding = fit(request, transfer, limit);
    const intake = transfer.openIntake(openIntake);
    const sha256 = digestOf(request, intake.bytes);
    if (expectsContinue) response.writeContinue();
    if (intake.bytes > 0) intake.resumed += 1;
    if (!(await readBody(request, transfer, intake, encoding))) return;
    if (sha256 !== undefined) intake.expect({ sha256, bytes: intake.bytes });
    const announced = await intake.announced;
    if (sha256 !== undefined && announced.sha256 !== sha256) throw transferError('mismatch');
    transfer.complete();
    const receipt = await intake.finish();
    transfer.take(receipt);
    const text = JSON.stringify(receipt);
    response.writeHead(outcomes.taken.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
    });
    response.end(text);
  } catch (error) {
    if (error instanceof HttpAnswer) throw error;
    const failure = asTransferError(error);
    done();
    transfer.fail(failure);
    throw failure;
  } finally {
    done();
  }
}

/** Reads to the end of the body; false if the connection broke before it. */
async function readBody(
  request: IncomingMessage,
  transfer: Transfer,
  intake: Intake,
  encoding: Encoding | undefined,
): Promise<boolean> {
  const { throttle } = transfer.account;
  const breather = new Breather();
  const body = encoding === undefined ? request : decoded(request, encoding);
  const chunks: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
  for (;;) {
    let next: IteratorResult<Uint8Array>;
    try {
      next = await chunks.next();
    } catch (error) {
      if (transfer.over) await transfer.ended;
      if (isBreak(error)) return false;
      throw transferError('malformed', 'The body cannot be decoded', error);
    }
    if (next.done === true) break;
    const { value } = next;
    for (let at = 0; at < value.length; at += throttle.portion) {
      const bytes = value.subarray(at, at + throttle.portion);
      await throttle.take(bytes.length);
      await intake.take(bytes);
      transfer.moved(intake.bytes);
    }
    await breather.after(value.length);
  }
  if (!request.complete) return false;
  if (transfer.content.size !== undefined && !intake.complete) throw transferError('size');
  return true;
}

/** Refuses what cannot become this upload, before any of it is read. */
function fit(request: IncomingMessage, transfer: Transfer, limit: number): Encoding | undefined {
  const bytes = transfer.intake?.bytes ?? 0;
  const { headers } = request;
  const offset = headers[offsetHeader]?.toString() ?? '0';
  if (!/^\d{1,15}$/.test(offset)) throw new HttpAnswer(transferError('malformed'));
  if (Number(offset) !== bytes) throw new HttpAnswer(transferError('offset'), { [offsetHeader]: bytes });
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') {
    if (isEncoding(encoding)) return encoding;
    throw new HttpAnswer(transferError('encoding'), { 'accept-encoding': acceptEncoding });
  }
  // A request with neither header has no body.
  const length = headers['content-length'] ?? (headers['transfer-encoding'] === undefined ? '0' : undefined);
  if (length !== undefined) {
    const reached = bytes + Number(length);
    const { size } = transfer.content;
    if (reached > (size ?? limit)) throw new HttpAnswer(transferError('large'));
    if (size !== undefined && reached < size) throw new HttpAnswer(transferError('size'));
  }
  return undefined;
}

/** The hash of the whole as far as the request says it. */
function digestOf({ headers }: IncomingMessage, offset: number): string | undefined {
  const whole = readDigest(headers['repr-digest']);
  if (whole !== undefined || offset > 0) return whole;
  return headers['content-encoding'] === undefined ? readDigest(headers['content-digest']) : undefined;
}
