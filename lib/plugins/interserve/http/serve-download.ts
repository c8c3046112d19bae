import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { BusError } from '../../../base/errors.ts';
import { asTransferError, failureOf, outcomes, transferError } from '../outcomes.ts';
import type { Payload } from '../payload/payload.ts';
import type { Transfer } from '../transfer.ts';
import { answerFailure, HttpAnswer } from './answer.ts';
import { encoder, negotiate } from './encodings.ts';
import { pump } from './pump.ts';
import { type ByteRange, readRange } from './range.ts';
import { untilClosed, untilFinished } from './until-closed.ts';

/** Below this a compressor costs more than it saves. */
const leastToCompress = 1024;

/** Answers a GET or HEAD on an offer. A break leaves the offer as it is; what the payload fails with ends it. */
export async function serveDownload(
  request: IncomingMessage,
  response: ServerResponse,
  transfer: Transfer,
  payload: Payload,
  compress: boolean,
): Promise<void> {
  if (request.method === 'HEAD') {
    response.writeHead(outcomes.whole.status, headersOf(transfer, payload, undefined)).end();
    return;
  }
  const stop = (why?: BusError): void => {
    if (why === undefined || response.headersSent) response.destroy();
    else answerFailure(response, why);
  };
  const done = isOneOfMany(rangeHeader(request, transfer)) ? joined(transfer, stop) : await transfer.claim(stop);
  try {
    if (transfer.over) throw transferError('gone');
    await sendBody(request, response, transfer, payload, compress);
  } catch (error) {
    if (error instanceof HttpAnswer || transfer.over) throw error;
    if (response.destroyed || failureOf(error) === 'unreachable') return;
    const failure = asTransferError(error);
    done();
    transfer.fail(failure);
    throw failure;
  } finally {
    done();
  }
}

/** Downloaders that fetch parts at the same time say where each ends; one that carries on after a break does not. */
function isOneOfMany(range: string | undefined): boolean {
  return /^bytes=\d+-\d+$/.test(range?.replaceAll(' ', '') ?? '');
}

function joined(transfer: Transfer, stop: (why?: BusError) => void): () => void {
  try {
    return transfer.join(stop);
  } catch (error) {
    throw new HttpAnswer(asTransferError(error));
  }
}

/** What is asked for, unless it is a part of what the requester takes to be another content. */
function rangeHeader({ headers }: IncomingMessage, transfer: Transfer): string | undefined {
  const condition = headers['if-range'];
  return condition === undefined || condition === etagOf(transfer) ? headers.range : undefined;
}

/** A transfer is of one content; what is encoded is another representation of it. */
function etagOf({ endpoint }: Transfer, encoding?: string): string {
  return `"${endpoint.tag}${encoding === undefined ? '' : `-${encoding}`}"`;
}

async function sendBody(
  request: IncomingMessage,
  response: ServerResponse,
  transfer: Transfer,
  payload: Payload,
  compress: boolean,
): Promise<void> {
  const asked = rangeHeader(request, transfer);
  const range = await rangeOf(asked, response, payload);
  const encoding =
    compress && range === undefined && (payload.size ?? Infinity) >= leastToCompress
      ? negotiate(request.headers['accept-encoding']?.toString())
      : undefined;
  const headers = headersOf(transfer, payload, range);
  if (encoding !== undefined) {
    delete headers['content-length'];
    headers.etag = etagOf(transfer, encoding);
    headers['content-encoding'] = encoding;
  }
  response.writeHead(range === undefined ? outcomes.whole.status : outcomes.part.status, headers);
  const start = range?.start ?? 0;
  const moved = (position: number) => transfer.moved(position);
  const end = range?.end ?? payload.size;
  const isLast = () => (end ?? payload.size) === payload.size;
  const read = () => {
    if (isLast()) transfer.onRead();
  };
  const options = { throttle: transfer.account.throttle, moved, read };
  if (encoding === undefined) {
    await pump(payload, start, end, response, options);
    const finished = untilFinished(response);
    response.end();
    await finished;
  } else {
    const compressor = encoder(encoding);
    compressor.on('error', () => response.destroy());
    response.once('close', () => compressor.destroy());
    compressor.pipe(response);
    await pump(payload, start, end, compressor, options);
    const finished = untilFinished(response);
    compressor.end();
    await finished;
  }
  const reached = end ?? payload.size ?? start;
  transfer.coverage.add(start, reached);
  const whole = payload.size !== undefined && transfer.coverage.reaches(payload.size);
  if (whole || (isLast() && !isOneOfMany(asked))) transfer.complete();
}

/** The part asked for, or undefined for the whole. Waits for a stream to come as far. */
async function rangeOf(
  asked: string | undefined,
  response: ServerResponse,
  payload: Payload,
): Promise<ByteRange | undefined> {
  const range = readRange(asked, payload.size);
  if (range === 'whole') return undefined;
  if (range === 'unsatisfiable') throw outside(payload);
  if (range.end !== undefined && payload.size !== undefined) return range;
  await untilClosed(response, payload.beyond(range.start));
  if (payload.available <= range.start) throw outside(payload);
  return { start: range.start, end: Math.min(range.end ?? Infinity, payload.available) };
}

function outside(payload: Payload): HttpAnswer {
  return new HttpAnswer(transferError('range'), { 'content-range': `bytes */${payload.size ?? '*'}` });
}

function headersOf(transfer: Transfer, payload: Payload, range: ByteRange | undefined): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    'content-type': payload.kind === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: etagOf(transfer),
    'cache-control': 'no-store',
  };
  const end = range?.end ?? payload.size;
  if (end !== undefined) headers['content-length'] = end - (range?.start ?? 0);
  if (range !== undefined && end !== undefined) {
    headers['content-range'] = `bytes ${range.start}-${end - 1}/${payload.size ?? '*'}`;
  }
  return headers;
}
