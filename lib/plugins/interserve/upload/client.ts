import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { inTime, untilAborted, withinTime } from '../../../base/wait.ts';
import type { PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import { type ClientCore, responseMs } from '../client-core.ts';
import { encodingFor, sendBody } from '../http/body-pump.ts';
import { answerTo, type Attempt, type EndpointClient, retry } from '../http/endpoint-client.ts';
import { EndpointError, failureIn } from '../http/failure.ts';
import { asTransferError, failureOf, transferError } from '../outcomes.ts';
import type { Payload } from '../payload/payload.ts';
import { payloadOf } from '../payload/sendable.ts';
import { type ControlMessage, type Place, readAnswer, reasonOf, type Receipt } from '../protocol.ts';
import type { Progress } from '../transfer-events.ts';
import { ProgressMeter, TransferHandle } from '../transfer-handle.ts';
import { offsetHeader, readOffset } from './protocol.ts';

interface Upload {
  readonly number: number;
  readonly id: string;
  readonly over: AbortController;
  readonly place: Promise<Place>;
  placed(place: Place): void;
  progress(progress: Progress): void;
  bytes: number;
}

/** Client to server, at the client: asks, then uploads to the place it is granted. */
export class UploadClient {
  readonly #core: ClientCore;
  readonly #active = new Map<number, Upload>();
  #numbers = 0;
  #peer: PeerHandle | undefined;
  #waiting: ((peer: PeerHandle) => void)[] = [];

  /** The bytes that each one that has not ended moved. */
  get open(): number[] {
    return [...this.#active.values()].map(({ bytes }) => bytes);
  }

  constructor(host: PluginHost, core: ClientCore) {
    this.#core = core;
    for (const peer of host.peers) this.#connected(peer);
    host.onConnect((peer) => this.#connected(peer));
    host.onDisconnect(() => (this.#peer = undefined));
  }

  /** @throws BusError `ERR_INVALID_ARGUMENT` for data that cannot be sent. */
  send(id: string, data: unknown): TransferHandle<Receipt> {
    const open = payloadOf(data, this.#core.options.size);
    let placed: (place: Place) => void = () => {};
    const place = new Promise<Place>((resolve) => (placed = resolve));
    const over = new AbortController();
    const receipts = new Map<PeerHandle, Promise<Receipt>>();
    const upload: Upload = {
      number: ++this.#numbers,
      id,
      over,
      place,
      placed,
      progress: (progress) => void handle.emit('progress', progress),
      bytes: 0,
    };
    this.#active.set(upload.number, upload);
    const receipt = this.#run(upload, open, (peer) => receipts.set(peer, receipt));
    const stop = (): void => over.abort(transferError('aborted'));
    const handle = new TransferHandle(receipts, receipt, stop, this.#core.report);
    return handle;
  }

  placed(transfer: number, place: Place): void {
    this.#active.get(transfer)?.placed(place);
  }

  stop(transfer: number, error: BusError): void {
    this.#active.get(transfer)?.over.abort(error);
  }

  stopAll(error: BusError): void {
    for (const { over } of this.#active.values()) over.abort(error);
  }

  async #run(upload: Upload, open: () => Promise<Payload>, onPeer: (peer: PeerHandle) => void): Promise<Receipt> {
    const { clock, profile, options, report } = this.#core;
    const startedAt = clock.now();
    const which = { id: upload.id, way: 'up', peer: undefined } as const;
    let payload: Payload | undefined;
    try {
      payload = await open();
      if ((payload.size ?? 0) > options.size) throw transferError('large');
      const receipt = await this.#inTurn(upload, payload, onPeer);
      profile.ended(which, receipt, receipt.bytes, receipt.resumed, clock.now() - startedAt);
      return receipt;
    } catch (error) {
      const failure = asTransferError(error);
      profile.ended(which, failure, upload.bytes, 0, clock.now() - startedAt);
      throw failure;
    } finally {
      this.#active.delete(upload.number);
      await payload?.close().catch(report);
    }
  }

  async #inTurn(upload: Upload, payload: Payload, onPeer: (peer: PeerHandle) => void): Promise<Receipt> {
    const { clock, semaphore, timeoutMs, profile } = this.#core;
    const { signal } = upload.over;
    const permit = semaphore.acquire();
    try {
      const ready = permit.granted.then(() => this.#whenConnected());
      const peer = await inTime({ clock, ms: timeoutMs, signal }, ready, () => transferError('expired'));
      onPeer(peer);
      profile.started({ id: upload.id, way: 'up', peer: peer.id, size: payload.size });
      return await this.#ask(upload, payload, peer);
    } finally {
      permit.release();
    }
  }

  /** Asks and uploads. The server's answer settles the transfer, also after a failed upload, which the server is told about. */
  async #ask(upload: Upload, payload: Payload, peer: PeerHandle): Promise<Receipt> {
    const { clock, lane, timeoutMs } = this.#core;
    const { number, id, over } = upload;
    const cancel = new AbortController();
    const content = { id, kind: payload.kind, size: payload.size, name: payload.name };
    const answer = lane
      .request(peer, { op: 'ask', transfer: number, content }, { timeout: 0, signal: cancel.signal })
      .then(readAnswer);
    const uploading = new AbortController();
    const stopped = () => uploading.abort(over.signal.reason);
    over.signal.addEventListener('abort', stopped, { once: true });
    let why: BusError | undefined;
    let silence: Timer | undefined;
    let isPlaced = false;
    void upload.place.then(() => (isPlaced = true));
    const uploaded = this.#fillPlace(upload, payload, peer, uploading.signal).catch((error: unknown) => {
      if (uploading.signal.aborted) return;
      why = asTransferError(error);
      this.#tell(peer, { op: 'stop', way: 'up', transfer: number, ...reasonOf(why) });
      silence = clock.setTimer(() => cancel.abort(why), timeoutMs);
    });
    try {
      return await untilAborted(over.signal, answer);
    } catch (error) {
      if (over.signal.aborted) this.#tell(peer, { op: 'stop', way: 'up', transfer: number, ...reasonOf(error) });
      else if (isPlaced) await withinTime(clock, responseMs, uploaded);
      if (why === undefined) throw error;
      if (cancel.signal.aborted) throw why;
      // The response has the headers, the answer over the bus the precise message.
      const isSame = failureOf(error) === failureOf(why) && error instanceof BusError;
      throw isSame && why instanceof EndpointError ? why.saying(error.message) : error;
    } finally {
      silence?.cancel();
      uploading.abort('The upload has ended');
      cancel.abort();
    }
  }

  async #fillPlace(upload: Upload, payload: Payload, peer: PeerHandle, signal: AbortSignal): Promise<void> {
    const { http, clock, random, timeoutMs, options } = this.#core;
    const place = await inTime({ clock, ms: timeoutMs, signal }, upload.place, () => transferError('expired'));
    const meter = new ProgressMeter(clock, (bytes, rate) =>
      upload.progress({ peer, bytes, total: payload.size, rate }),
    );
    const moved = (bytes: number) => {
      upload.bytes = bytes;
      meter.moved(bytes, bytes === payload.size);
    };
    const sent = async () => {
      const digest = { sha256: await payload.fingerprint.of(payload), bytes: payload.size ?? upload.bytes };
      this.#tell(peer, { op: 'digest', way: 'up', transfer: upload.number, digest });
    };
    const compress = options.compress || !http.isLocal(place);
    await retry({ clock, random, signal, timeoutMs }, (attempt) =>
      putBody({ http, place, payload, compress, moved, sent }, attempt),
    );
  }

  #connected(peer: PeerHandle): void {
    this.#peer = peer;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(peer);
  }

  /** Resolves with the client as a peer once it is connected. Never rejects: its callers have a deadline. */
  #whenConnected(): Promise<PeerHandle> {
    if (this.#peer !== undefined) return Promise.resolve(this.#peer);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** A message that cannot be sent is dropped: the session has ended. */
  #tell(peer: PeerHandle, message: ControlMessage): void {
    this.#core.lane.send(peer, message).catch(() => {});
  }
}

interface PutOptions {
  readonly http: EndpointClient;
  readonly place: Place;
  readonly payload: Payload;
  readonly compress: boolean;
  /** The position reached. */
  moved(bytes: number): void;
  /** Runs when every byte has left; resolves when the digest has been sent. */
  sent(): Promise<void>;
}

/**
 * One attempt at an upload: asks for the offset, sends the rest and waits until the receiver has accepted the whole.
 */
async function putBody({ http, place, payload, compress, moved, sent }: PutOptions, attempt: Attempt): Promise<void> {
  const start = attempt.number === 1 ? 0 : await offsetAt(http, place, attempt.signal);
  const encoding = compress ? encodingFor(payload, place.accept) : undefined;
  const headers: OutgoingHttpHeaders = { [offsetHeader]: start, 'content-type': 'application/octet-stream' };
  if (encoding !== undefined) headers['content-encoding'] = encoding;
  else if (payload.size !== undefined) headers['content-length'] = payload.size - start;

  const request = http.open(place, 'PUT', headers, attempt.signal);
  const answer = answerTo(request);
  const onMoved = (position: number) => {
    attempt.moved();
    moved(position);
  };
  const body = { start, end: payload.size, encoding, moved: onMoved, beforeEnd: sent };
  const sending = sendBody(payload, request, body).then(() => attempt.complete());
  sending.catch((error: unknown) => {
    // After a failed payload no answer is worth waiting for.
    if (!request.destroyed) request.destroy(error instanceof Error ? error : undefined);
  });
  const response = await firstOf(answer, sending);
  response.resume();
  if (response.statusCode !== 200) {
    request.destroy();
    throw failureIn(response);
  }
}

/** The answer, however early; the failure of sending only if no answer came. */
async function firstOf(answer: Promise<IncomingMessage>, sending: Promise<void>): Promise<IncomingMessage> {
  try {
    return await answer;
  } catch (error) {
    await sending;
    throw error;
  }
}

async function offsetAt(http: EndpointClient, place: Place, signal: AbortSignal): Promise<number> {
  const request = http.open(place, 'HEAD', {}, signal);
  const answer = answerTo(request);
  request.end();
  const response = await answer;
  response.resume();
  if (response.statusCode !== 200) throw failureIn(response);
  const offset = readOffset(response.headers);
  if (offset === undefined) throw transferError('malformed', 'The endpoint sent no offset');
  return offset;
}
