import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Lane, LaneRequestContext } from '../../../bus/plugin.ts';
import { type Encoding, receiveBody } from '../http/body-pump.ts';
import { answerFailure, RequestError } from '../http/failure.ts';
import { asTransferError, outcomes, transferError } from '../outcomes.ts';
import { type Answer, answerOf, answerOfError, type AskMessage } from '../protocol.ts';
import type { ReceiverPipeline } from '../receive/pipeline.ts';
import type { Charge, Permit, PreemptibleUpload } from '../transfers/fair-share.ts';
import type { Transfer } from '../transfers/transfer.ts';
import type { TransferTable } from '../transfers/transfer-table.ts';
import { checkUpload, digestOf, offsetHeader } from './protocol.ts';

/** Client to server, at the server: decides on asks, grants a place, and receives the requests that come there. */
export class UploadServer {
  readonly #table: TransferTable;
  readonly #lane: Lane;

  constructor(table: TransferTable, lane: Lane) {
    this.#table = table;
    this.#lane = lane;
  }

  /** Handles an ask. Resolves when the transfer has ended; never rejects. */
  async ask({ transfer: number, content }: AskMessage, { peer, signal }: LaneRequestContext): Promise<Answer> {
    const { registry, quota, clock, semaphore } = this.#table;
    let transfer: Transfer | undefined;
    let charge: Charge;
    let granted: number | undefined;
    let whole = false;
    const upload: PreemptibleUpload = {
      peer,
      // The receiver's time does not count as the sender's.
      sinceMs: () => (granted === undefined || whole ? undefined : clock.now() - granted),
      arrived: () => transfer?.bytes ?? 0,
      preempt: () => transfer?.fail(transferError('stalled', 'The upload was too slow while others waited')),
    };
    try {
      const limit = registry.sizeOf(content.id);
      if (limit === undefined || !registry.receivers.has(content.id)) throw transferError('unknown');
      if ((content.size ?? 0) > limit) throw transferError('large');
      this.#table.checkReach(peer);
      charge = quota.chargeUpload(content.size, upload);
      try {
        transfer = this.#table.begin('up', number, content, peer);
      } catch (error) {
        charge.release();
        throw error;
      }
    } catch (error) {
      this.#table.refused('up', content.id, peer, asTransferError(error));
      return answerOfError(error);
    }
    const begun = transfer;
    const cancelled = () => begun.fail(transferError('aborted'));
    signal.addEventListener('abort', cancelled, { once: true, signal: begun.signal });
    begun.onMoved = (bytes) => {
      try {
        if (content.size === undefined) charge.reach(bytes);
      } catch (error) {
        begun.fail(asTransferError(error));
      }
    };
    let permit: Permit | undefined;
    begun.open();
    try {
      await Promise.race([this.#shakeHands(begun), begun.ended]);
      permit = semaphore.acquire(peer, upload);
      await Promise.race([permit.granted, begun.ended]);
      const { release } = permit;
      begun.onComplete = () => {
        whole = true;
        release();
      };
      granted = clock.now();
      begun.open();
      await this.#lane.send(peer, { op: 'place', transfer: number, place: this.#table.placeOf(begun) });
      return answerOf(await begun.ended);
    } catch (error) {
      const failure = asTransferError(error);
      begun.fail(failure);
      return answerOfError(failure);
    } finally {
      permit?.release();
      charge.release();
    }
  }

  /** Answers a HEAD, PUT or POST on an upload. */
  async serve(
    request: IncomingMessage,
    response: ServerResponse,
    transfer: Transfer,
    expectsContinue: boolean,
  ): Promise<void> {
    if (request.method === 'HEAD') {
      response.writeHead(outcomes.taken.status, {
        [offsetHeader]: transfer.pipeline?.bytes ?? 0,
        'cache-control': 'no-store',
      });
      response.end();
      return;
    }
    const { registry } = this.#table;
    const { content, owner } = transfer;
    const limit = registry.sizeOf(content.id) ?? 0;
    const open = () => registry.receivers.pipeline(content, owner.peer, limit);
    await acceptUpload(request, response, transfer, { limit, open, expectsContinue });
  }

  async #shakeHands({ content, owner }: Transfer): Promise<void> {
    const handshake = this.#table.registry.handshakes.of(content.id);
    if (handshake !== undefined && (await handshake(owner.peer, content.size)) !== true) throw transferError('refused');
  }
}

interface UploadOptions {
  /** The most an upload of unknown length may carry. */
  readonly limit: number;
  /** Makes the receiving end, on the first request that may bring bytes; throws where nobody receives. */
  open(): ReceiverPipeline;
  /** Whether the requester waits for 100 Continue. */
  readonly expectsContinue: boolean;
}

/**
 * Receives the body of a PUT or POST and answers when the receiver has accepted the whole. An invalid request is
 * refused before its body is read and changes nothing; after a break the upload can be resumed; any other failure ends
 * it.
 */
async function acceptUpload(
  request: IncomingMessage,
  response: ServerResponse,
  transfer: Transfer,
  { limit, open, expectsContinue }: UploadOptions,
): Promise<void> {
  const done = await transfer.claim((why) => (why === undefined ? request.destroy() : answerFailure(response, why)));
  try {
    if (transfer.over) {
      await transfer.ended;
      throw transferError('gone');
    }
    const encoding = checkUpload(request, transfer.pipeline?.bytes ?? 0, transfer.content.size, limit);
    const pipeline = transfer.openPipeline(open);
    const sha256 = digestOf(request, pipeline.bytes);
    if (expectsContinue) response.writeContinue();
    if (pipeline.bytes > 0) pipeline.resumed += 1;
    if (!(await readBody(request, transfer, pipeline, encoding))) return;
    if (sha256 !== undefined) pipeline.expect({ sha256, bytes: pipeline.bytes });
    const announced = await pipeline.announced;
    if (sha256 !== undefined && announced.sha256 !== sha256) throw transferError('mismatch');
    transfer.complete();
    const receipt = await pipeline.finish();
    transfer.take(receipt);
    const text = JSON.stringify(receipt);
    response.writeHead(outcomes.taken.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
    });
    response.end(text);
  } catch (error) {
    if (error instanceof RequestError) throw error;
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
  pipeline: ReceiverPipeline,
  encoding: Encoding | undefined,
): Promise<boolean> {
  const { rate } = transfer.owner;
  const take = async (chunk: Uint8Array): Promise<void> => {
    for (let at = 0; at < chunk.length; at += rate.portion) {
      const bytes = chunk.subarray(at, at + rate.portion);
      await rate.take(bytes.length);
      await pipeline.take(bytes);
      transfer.moved(pipeline.bytes);
    }
  };
  let whole = false;
  try {
    whole = await receiveBody(request, encoding, take);
  } catch (error) {
    // A transfer that failed cuts its connection; its own failure is the one to answer with.
    if (transfer.over) await transfer.ended;
    throw error;
  }
  if (!whole && transfer.over) await transfer.ended;
  if (whole && transfer.content.size !== undefined && !pipeline.complete) throw transferError('size');
  return whole;
}
