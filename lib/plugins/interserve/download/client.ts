import type { IncomingMessage } from 'node:http';
import type { BusError } from '../../../base/errors.ts';
import { inTime, untilAborted, withinTime } from '../../../base/wait.ts';
import type { LaneRequestContext } from '../../../bus/plugin.ts';
import { type ClientCore, responseMs } from '../client-core.ts';
import { acceptEncoding, encodingOf, receiveBody } from '../http/body-pump.ts';
import { answerTo, type Attempt, type EndpointClient, retry } from '../http/endpoint-client.ts';
import { failureIn } from '../http/failure.ts';
import { asTransferError, failureOf, transferError } from '../outcomes.ts';
import {
  type Answer,
  answerOf,
  answerOfError,
  type Digest,
  type OfferMessage,
  type Place,
  type Receipt,
} from '../protocol.ts';
import type { ReceiverPipeline } from '../receive/pipeline.ts';
import { readContentRange } from './protocol.ts';

interface Download {
  readonly pipeline: ReceiverPipeline;
  readonly over: AbortController;
  /** Settles with the download. */
  readonly done: Promise<Receipt>;
}

/** Server to client, at the client: fetches what is offered and hands it to the receiver. */
export class DownloadClient {
  readonly #core: ClientCore;
  readonly #active = new Map<number, Download>();

  /** The bytes that each one that has not ended moved. */
  get open(): number[] {
    return [...this.#active.values()].map(({ pipeline }) => pipeline.bytes);
  }

  constructor(core: ClientCore) {
    this.#core = core;
  }

  /** Handles an offer. Resolves when the download has ended; never rejects. */
  async offered({ transfer, content, place }: OfferMessage, { peer, signal }: LaneRequestContext): Promise<Answer> {
    const { receivers, options, clock, profile, report } = this.#core;
    const startedAt = clock.now();
    const which = { id: content.id, way: 'down', peer: undefined } as const;
    let pipeline: ReceiverPipeline | undefined;
    try {
      if ((content.size ?? 0) > options.size) throw transferError('large');
      if (this.#active.has(transfer)) throw transferError('malformed', 'The number of this transfer is in use');
      pipeline = receivers.pipeline(content, peer, options.size);
      profile.started({ ...which, peer: peer.id, size: content.size });
      const over = new AbortController();
      const done = this.#fetch(pipeline, over.signal, place);
      const cancelled = () => this.#stopLate({ over, done }, transferError('aborted'));
      signal.addEventListener('abort', cancelled, { once: true });
      try {
        this.#active.set(transfer, { pipeline, over, done });
        const receipt = await done;
        profile.ended(which, receipt, receipt.bytes, receipt.resumed, clock.now() - startedAt);
        return answerOf(receipt);
      } finally {
        signal.removeEventListener('abort', cancelled);
        this.#active.delete(transfer);
      }
    } catch (error) {
      const failure = asTransferError(error);
      await pipeline?.fail(failure).catch(report);
      const { bytes = 0, resumed = 0 } = pipeline ?? {};
      profile.ended(which, failure, bytes, resumed, clock.now() - startedAt);
      return answerOfError(failure);
    }
  }

  digest(transfer: number, digest: Digest): void {
    this.#active.get(transfer)?.pipeline.expect(digest);
  }

  stop(transfer: number, error: BusError): void {
    const download = this.#active.get(transfer);
    if (download === undefined) return;
    // The request is answered with the interrupt as well, and with headers.
    if (failureOf(error) !== 'interrupted') download.over.abort(error);
    else this.#stopLate(download, error);
  }

  /** Leaves time for news that says more: the response to the request, or the stop that precedes a cancellation. */
  #stopLate({ over, done }: Pick<Download, 'over' | 'done'>, error: BusError): void {
    void withinTime(this.#core.clock, responseMs, done).then(() => over.abort(error));
  }

  stopAll(error: BusError): void {
    for (const { over } of this.#active.values()) over.abort(error);
  }

  async #fetch(pipeline: ReceiverPipeline, signal: AbortSignal, place: Place): Promise<Receipt> {
    const { http, clock, random, timeoutMs } = this.#core;
    await retry({ clock, random, signal, timeoutMs }, (attempt) => fetchBody(http, place, pipeline, attempt));
    // The sender's digest follows the last byte closely or never.
    await inTime({ clock, ms: timeoutMs, signal }, pipeline.announced, () => transferError('stalled'));
    return untilAborted(signal, pipeline.finish());
  }
}

/** One attempt at a download: fetches from where the pipeline is to the end of the content. */
async function fetchBody(
  http: EndpointClient,
  place: Place,
  pipeline: ReceiverPipeline,
  attempt: Attempt,
): Promise<void> {
  if (attempt.number > 1 && pipeline.bytes > 0) pipeline.resumed += 1;
  for (;;) {
    const from = pipeline.bytes;
    const headers =
      from === 0 ? { 'accept-encoding': acceptEncoding } : { 'accept-encoding': 'identity', range: `bytes=${from}-` };
    const request = http.open(place, 'GET', headers, attempt.signal);
    const answer = answerTo(request);
    request.end();
    const response = await answer;
    try {
      if (await readResponse(response, pipeline, from, attempt)) return;
    } finally {
      // A response that was read to its end leaves its connection for the next request.
      if (!response.complete) response.destroy();
    }
  }
}

/** True when the content is complete; false if it continues after the part that came. */
async function readResponse(
  response: IncomingMessage,
  pipeline: ReceiverPipeline,
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
  await readBody(response, pipeline, part === undefined ? from : 0, attempt);
  return part === undefined || part.size === pipeline.bytes;
}

/** Takes the body after its first `skip` bytes, which a proxy that ignores ranges sends again. */
async function readBody(
  response: IncomingMessage,
  pipeline: ReceiverPipeline,
  skip: number,
  attempt: Attempt,
): Promise<void> {
  let left = skip;
  const whole = await receiveBody(response, encodingOf(response), (chunk) => {
    const bytes = left === 0 ? chunk : chunk.subarray(left);
    left -= chunk.length - bytes.length;
    attempt.moved();
    return bytes.length > 0 ? pipeline.take(bytes) : undefined;
  });
  if (!whole) throw transferError('unreachable', 'The connection broke');
}
