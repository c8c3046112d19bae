import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Place } from '../control.ts';
import { transferError } from '../outcomes.ts';
import type { Payload } from '../payload/payload.ts';
import { offsetHeader } from './accept-upload.ts';
import { type Caller, answerTo, failureIn } from './caller.ts';
import { encoder, negotiate } from './encodings.ts';
import type { Attempt } from './persist.ts';
import { pump } from './pump.ts';
import { untilFinished } from './until-closed.ts';

/** Below this a compressor costs more than it saves. */
const leastToCompress = 1024;

export interface PushOptions {
  readonly caller: Caller;
  readonly place: Place;
  readonly payload: Payload;
  readonly compress: boolean;
  /** The position reached. */
  moved(bytes: number): void;
  /** Every byte left; resolves when the other end was told their hash. */
  sent(): Promise<void>;
}

/** One attempt at an upload: asks where to go on, sends the rest and waits until the receiver took the whole. */
export async function pushBody(options: PushOptions, attempt: Attempt): Promise<void> {
  const { caller, place, payload } = options;
  const start = attempt.number === 1 ? 0 : await offsetAt(caller, place, attempt.signal);
  const encoding =
    options.compress && (payload.size ?? Infinity) >= leastToCompress ? negotiate(place.accept) : undefined;
  const headers: OutgoingHttpHeaders = { [offsetHeader]: start, 'content-type': 'application/octet-stream' };
  if (encoding !== undefined) headers['content-encoding'] = encoding;
  else if (payload.size !== undefined) headers['content-length'] = payload.size - start;

  const request = caller.open(place, 'PUT', headers, attempt.signal);
  const answer = answerTo(request);
  const sending = (async () => {
    const compressor = encoding === undefined ? undefined : encoder(encoding);
    if (compressor !== undefined) {
      compressor.on('error', () => request.destroy());
      request.once('close', () => compressor.destroy());
      compressor.pipe(request);
    }
    const out = compressor ?? request;
    const moved = (position: number) => {
      attempt.moved();
      options.moved(position);
    };
    await pump(payload, start, payload.size, out, { moved });
    await options.sent();
    const finished = untilFinished(request);
    out.end();
    await finished;
    attempt.complete();
  })();
  sending.catch((error: unknown) => {
    // A payload that fails is no reason to wait for an answer.
    if (!request.destroyed) request.destroy(error instanceof Error ? error : undefined);
  });
  const response = await firstOf(answer, sending);
  response.resume();
  if (response.statusCode !== 200) {
    request.destroy();
    throw failureIn(response);
  }
}

/** The answer, however early; what sending failed with only if no answer came. */
async function firstOf(answer: Promise<IncomingMessage>, sending: Promise<void>): Promise<IncomingMessage> {
  try {
    return await answer;
  } catch (error) {
    await sending;
    throw error;
  }
}

async function offsetAt(caller: Caller, place: Place, signal: AbortSignal): Promise<number> {
  const request = caller.open(place, 'HEAD', {}, signal);
  const answer = answerTo(request);
  request.end();
  const response = await answer;
  response.resume();
  if (response.statusCode !== 200) throw failureIn(response);
  const offset = Number(response.headers[offsetHeader]);
  if (!Number.isSafeInteger(offset) || offset < 0) throw transferError('malformed', 'The endpoint named no offset');
  return offset;
}
