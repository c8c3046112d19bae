import type { IncomingMessage } from 'node:http';
import type { Place } from '../control.ts';
import type { Intake } from '../intake.ts';
import { transferError } from '../outcomes.ts';
import { Breather } from './breather.ts';
import { type Caller, answerTo, failureIn } from './caller.ts';
import { decoded, isBreak } from './decoded.ts';
import { acceptEncoding, isEncoding } from './encodings.ts';
import type { Attempt } from './persist.ts';
import { readContentRange } from './range.ts';

/** One attempt at an offer: fetches from where the intake is to the end of the content. */
export async function fetchBody(caller: Caller, place: Place, intake: Intake, attempt: Attempt): Promise<void> {
  if (attempt.number > 1 && intake.bytes > 0) intake.resumed += 1;
  for (;;) {
    const from = intake.bytes;
    const headers =
      from === 0 ? { 'accept-encoding': acceptEncoding } : { 'accept-encoding': 'identity', range: `bytes=${from}-` };
    const request = caller.open(place, 'GET', headers, attempt.signal);
    const answer = answerTo(request);
    request.end();
    const response = await answer;
    try {
      if (await readResponse(response, intake, from, attempt)) return;
    } finally {
      // A response that was read to its end leaves its connection for the next request.
      if (!response.complete) response.destroy();
    }
  }
}

/** True when the content is complete; false if it goes on after the part that came. */
async function readResponse(
  response: IncomingMessage,
  intake: Intake,
  from: number,
  attempt: Attempt,
): Promise<boolean> {
  const { statusCode, headers } = response;
  const part = statusCode === 206 ? readContentRange(headers['content-range']) : undefined;
  if (statusCode === 416 && from > 0 && headers['content-range'] === `bytes */${from}`) {
    response.resume();
    return true;
  }
  if (statusCode !== 200 && part?.start !== from) {
    response.resume();
    throw statusCode === 206 ? transferError('range', 'The endpoint answered with another part') : failureIn(response);
  }
  await readBody(response, intake, part === undefined ? from : 0, attempt);
  return part === undefined || part.size === intake.bytes;
}

/** Takes the body but for its first `skip` bytes, which a proxy that knows no ranges sends again. */
async function readBody(response: IncomingMessage, intake: Intake, skip: number, attempt: Attempt): Promise<void> {
  const encoding = response.headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && !isEncoding(encoding)) throw transferError('encoding');
  const body = encoding === 'identity' ? response : decoded(response, encoding);
  const chunks: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
  const breather = new Breather();
  let left = skip;
  for (;;) {
    let next: IteratorResult<Uint8Array>;
    try {
      next = await chunks.next();
    } catch (error) {
      const broken = isBreak(error) || attempt.signal.aborted;
      throw transferError(broken ? 'unreachable' : 'malformed', broken ? 'The connection broke' : undefined, error);
    }
    if (next.done === true) break;
    const bytes = left === 0 ? next.value : next.value.subarray(left);
    left -= next.value.length - bytes.length;
    attempt.moved();
    if (bytes.length > 0) await intake.take(bytes);
    await breather.after(bytes.length);
  }
  if (!response.complete) throw transferError('unreachable', 'The connection broke');
}
