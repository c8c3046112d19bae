import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BusError } from '../../../base/errors.ts';
import { onAbort } from '../../../base/wait.ts';
import type { Lane, PeerHandle } from '../../../bus/plugin.ts';
import { encodingFor, sendBody, untilClosed } from '../http/body-pump.ts';
import { answerFailure, RequestError } from '../http/failure.ts';
import { asTransferError, failureOf, outcomes, transferError } from '../outcomes.ts';
import type { Payload } from '../payload/payload.ts';
import { payloadOf } from '../payload/sendable.ts';
import { type ControlMessage, readAnswer, reasonOf, type Receipt } from '../protocol.ts';
import type { Progress } from '../transfer-events.ts';
import { ProgressMeter, TransferHandle } from '../transfer-handle.ts';
import type { Charge } from '../transfers/fair-share.ts';
import type { Transfer } from '../transfers/transfer.ts';
import type { TransferTable } from '../transfers/transfer-table.ts';
import { type ByteRange, contentHeaders, isOneOfMany, rangeHeader, readRange } from './protocol.ts';

interface Opened {
  readonly payload: Payload;
  readonly charge: Charge;
}

/** One `send`, `broadcast` or `omit`: the same payload to each of its peers. */
interface Sending {
  readonly id: string;
  readonly opened: Promise<Opened>;
  readonly abort: AbortSignal;
  progress(progress: Progress): void;
}

/** Server to client, at the server: offers content over the lane and answers the requests that fetch it. */
export class DownloadServer {
  readonly #table: TransferTable;
  readonly #lane: Lane;
  readonly #report: (error: unknown, peer?: PeerHandle) => void;
  #numbers = 0;

  constructor(table: TransferTable, lane: Lane, report: (error: unknown, peer?: PeerHandle) => void) {
    this.#table = table;
    this.#lane = lane;
    this.#report = report;
  }

  /**
   * Offers `data` to `peers`. `receiptOf` makes the handle's one receipt from those of the peers.
   * @throws BusError `ERR_INVALID_ARGUMENT` for data that cannot be sent.
   */
  send<Result>(
    id: string,
    data: unknown,
    peers: readonly PeerHandle[],
    receiptOf: (receipts: readonly Promise<Receipt>[]) => Promise<Result>,
  ): TransferHandle<Result> {
    const limit = this.#table.registry.sizeOf(id);
    const abort = new AbortController();
    const opened = this.#open(payloadOf(data, limit ?? 0), limit, peers.length);
    opened.catch(() => {});
    const sending: Sending = {
      id,
      opened,
      abort: abort.signal,
      progress: (progress) => void handle.emit('progress', progress),
    };
    const receipts = new Map(peers.map((peer) => [peer, this.#toPeer(sending, peer)]));
    void Promise.allSettled([opened, ...receipts.values()]).then(async () => {
      const { charge, payload } = (await opened.catch(() => undefined)) ?? {};
      charge?.release();
      await payload?.close().catch(() => {});
    });
    const stop = (): void => abort.abort(transferError('aborted'));
    const handle = new TransferHandle(receipts, receiptOf([...receipts.values()]), stop, this.#report);
    return handle;
  }

  async #open(open: () => Promise<Payload>, limit: number | undefined, peers: number): Promise<Opened> {
    const payload = await open();
    try {
      if (limit === undefined) throw transferError('unknown');
      if ((payload.size ?? 0) > limit) throw transferError('large');
      return { payload, charge: this.#table.quota.charge(payload.size, peers) };
    } catch (error) {
      await payload.close();
      throw error;
    }
  }

  async #toPeer(sending: Sending, peer: PeerHandle): Promise<Receipt> {
    const { id, abort } = sending;
    let transfer: Transfer;
    let opened: Opened;
    try {
      opened = await sending.opened;
      abort.throwIfAborted();
      this.#table.checkReach(peer);
      const { kind, size, name } = opened.payload;
      transfer = this.#table.begin('down', ++this.#numbers, { id, kind, size, name }, peer);
    } catch (error) {
      const failure = asTransferError(error);
      this.#table.refused('down', id, peer, failure);
      throw failure;
    }
    // One signal may belong to many transfers.
    const heed = onAbort(abort, () => transfer.fail(asTransferError(abort.reason)));
    onAbort(transfer.signal, heed);
    transfer.open();
    const permit = this.#table.semaphore.acquire(peer);
    try {
      await Promise.race([permit.granted, transfer.ended]);
      transfer.onComplete = permit.release;
      this.#prepare(sending, transfer, opened);
      await this.#offer(transfer, opened.payload);
      return await transfer.ended;
    } finally {
      permit.release();
    }
  }

  #prepare(sending: Sending, transfer: Transfer, { payload, charge }: Opened): void {
    const { peer } = transfer.owner;
    const meter = new ProgressMeter(this.#table.clock, (bytes, rate) =>
      sending.progress({ peer, bytes, total: payload.size, rate }),
    );
    const known = payload.size !== undefined;
    let told = false;
    transfer.payload = payload;
    transfer.onMoved = (bytes) => {
      meter.moved(bytes, bytes === payload.size);
      try {
        if (!known) charge.reach(bytes);
      } catch (error) {
        transfer.fail(asTransferError(error));
      }
    };
    transfer.onRead = () => {
      if (told) return;
      told = true;
      void this.#tellDigest(transfer, payload);
    };
  }

  async #tellDigest(transfer: Transfer, payload: Payload): Promise<void> {
    try {
      const sha256 = await payload.fingerprint.of(payload);
      if (transfer.over) return;
      const digest = { sha256, bytes: payload.size ?? 0 };
      this.#tell(transfer.owner.peer, { op: 'digest', way: 'down', transfer: transfer.number, digest });
    } catch (error) {
      transfer.fail(asTransferError(error));
    }
  }

  /** Announces the transfer and settles it with the answer; if it ends otherwise, the peer is told to stop. */
  async #offer(transfer: Transfer, payload: Payload): Promise<void> {
    const { number, content, owner } = transfer;
    const cancel = new AbortController();
    let answered = false;
    transfer.open();
    const offer = { op: 'offer', transfer: number, content, place: this.#table.placeOf(transfer) };
    this.#lane
      .request(owner.peer, offer, { timeout: 0, signal: cancel.signal })
      .then(async (answer) => {
        answered = true;
        const receipt = readAnswer(answer);
        if (receipt.sha256 !== (await payload.fingerprint.of(payload))) throw transferError('mismatch');
        transfer.take(receipt);
      })
      .catch((error: unknown) => {
        answered = true;
        transfer.fail(asTransferError(error));
      });
    try {
      await transfer.ended;
    } catch (error) {
      if (!answered && !isGone(error)) {
        this.#tell(owner.peer, { op: 'stop', way: 'down', transfer: number, ...reasonOf(error) });
      }
      throw error;
    } finally {
      cancel.abort();
    }
  }

  #tell(peer: PeerHandle, message: ControlMessage): void {
    this.#lane.send(peer, message).catch((error: unknown) => {
      if (!isGone(error)) this.#report(error, peer);
    });
  }
}

/** There is nobody left to be told. */
function isGone(error: unknown): boolean {
  const failure = failureOf(error);
  return failure === 'left' || failure === 'lost';
}

/** Answers a GET or HEAD on an offer. After a broken connection the offer stands; a failed payload ends it. */
export async function serveDownload(
  request: IncomingMessage,
  response: ServerResponse,
  transfer: Transfer,
  compress: boolean,
): Promise<void> {
  const { payload, endpoint } = transfer;
  if (payload === undefined) throw transferError('gone');
  if (request.method === 'HEAD') {
    response.writeHead(outcomes.whole.status, contentHeaders(payload, endpoint.tag)).end();
    return;
  }
  const stop = (why?: BusError): void => {
    if (why === undefined || response.headersSent) response.destroy();
    else answerFailure(response, why);
  };
  const isPart = isOneOfMany(rangeHeader(request, endpoint.tag));
  const done = isPart ? joined(transfer, stop) : await transfer.claim(stop);
  try {
    if (transfer.over) throw transferError('gone');
    await sendContent(request, response, transfer, payload, compress);
  } catch (error) {
    if (error instanceof RequestError || transfer.over) throw error;
    if (response.destroyed || failureOf(error) === 'unreachable') return;
    const failure = asTransferError(error);
    done();
    transfer.fail(failure);
    throw failure;
  } finally {
    done();
  }
}

function joined(transfer: Transfer, stop: (why?: BusError) => void): () => void {
  try {
    return transfer.join(stop);
  } catch (error) {
    throw new RequestError(asTransferError(error));
  }
}

async function sendContent(
  request: IncomingMessage,
  response: ServerResponse,
  transfer: Transfer,
  payload: Payload,
  compress: boolean,
): Promise<void> {
  const { tag } = transfer.endpoint;
  const asked = rangeHeader(request, tag);
  const range = await rangeOf(asked, response, payload);
  const accept = request.headers['accept-encoding']?.toString();
  const encoding = compress && range === undefined ? encodingFor(payload, accept) : undefined;
  const { status } = range === undefined ? outcomes.whole : outcomes.part;
  response.writeHead(status, contentHeaders(payload, tag, range, encoding));
  const start = range?.start ?? 0;
  const end = range?.end ?? payload.size;
  const isLast = () => (end ?? payload.size) === payload.size;
  await sendBody(payload, response, {
    start,
    end,
    encoding,
    rate: transfer.owner.rate,
    moved: (position) => transfer.moved(position),
    lastRead: () => {
      if (isLast()) transfer.onRead();
    },
  });
  transfer.coverage.add(start, end ?? payload.size ?? start);
  const whole = payload.size !== undefined && transfer.coverage.reaches(payload.size);
  if (whole || (isLast() && !isOneOfMany(asked))) transfer.complete();
}

/** The requested part, or undefined for the whole. Waits for a stream to reach it. */
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

function outside(payload: Payload): RequestError {
  return new RequestError(transferError('range'), { 'content-range': `bytes */${payload.size ?? '*'}` });
}
