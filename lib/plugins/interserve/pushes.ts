import type { Timer } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import type { ClientCore } from './client-core.ts';
import { type Place, readAnswer, reasonOf } from './control.ts';
import { type Progress, TransferHandle } from './handle.ts';
import { EndpointError } from './http/caller.ts';
import { persist } from './http/persist.ts';
import { pushBody } from './http/push-body.ts';
import type { Receipt } from './intake.ts';
import { Meter } from './meter.ts';
import { asTransferError, failureOf, transferError } from './outcomes.ts';
import { payloadOf } from './payload/open-payload.ts';
import type { Payload } from './payload/payload.ts';
import { responseMs, untilAborted, untilLate, untilSettled } from './until-aborted.ts';

interface Push {
  readonly number: number;
  readonly id: string;
  readonly over: AbortController;
  readonly place: Promise<Place>;
  placed(place: Place): void;
  progress(progress: Progress): void;
  bytes: number;
}

/** Client to server, at the client: asks, then uploads to the place it is given. */
export class Pushes {
  readonly #core: ClientCore;
  readonly #active = new Map<number, Push>();
  #numbers = 0;

  constructor(core: ClientCore) {
    this.#core = core;
  }

  /** Throws `ERR_INVALID_ARGUMENT` for data that cannot be sent. */
  send(id: string, data: unknown): TransferHandle<Receipt> {
    const open = payloadOf(data, this.#core.options.size);
    let placed: (place: Place) => void = () => {};
    const place = new Promise<Place>((resolve) => (placed = resolve));
    const over = new AbortController();
    const receipts = new Map<PeerHandle, Promise<Receipt>>();
    const push: Push = {
      number: ++this.#numbers,
      id,
      over,
      place,
      placed,
      progress: (progress) => void handle.emit('progress', progress),
      bytes: 0,
    };
    this.#active.set(push.number, push);
    const receipt = this.#run(push, open, (peer) => receipts.set(peer, receipt));
    const stop = (): void => over.abort(transferError('aborted'));
    const handle = new TransferHandle(receipts, receipt, stop, (error) => this.#core.around.report(error));
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

  async #run(push: Push, open: () => Promise<Payload>, onPeer: (peer: PeerHandle) => void): Promise<Receipt> {
    const startedAt = this.#core.around.clock.now();
    let payload: Payload | undefined;
    try {
      payload = await open();
      if ((payload.size ?? 0) > this.#core.options.size) throw transferError('large');
      const receipt = await this.#inTurn(push, payload, onPeer);
      this.#core.ended('up', push.id, startedAt, receipt, receipt.bytes, receipt.resumed);
      return receipt;
    } catch (error) {
      const failure = asTransferError(error);
      this.#core.ended('up', push.id, startedAt, failure, push.bytes, 0);
      throw failure;
    } finally {
      this.#active.delete(push.number);
      await payload?.close().catch((error: unknown) => this.#core.around.report(error));
    }
  }

  async #inTurn(push: Push, payload: Payload, onPeer: (peer: PeerHandle) => void): Promise<Receipt> {
    const { around, slots, timeoutMs, profile } = this.#core;
    const { signal } = push.over;
    const turn = slots.take();
    try {
      const ready = turn.granted.then(() => around.ready());
      const peer = await untilLate({ clock: around.clock, signal, timeoutMs }, ready, transferError('expired'));
      onPeer(peer);
      profile.started({ id: push.id, way: 'up', peer: peer.id, size: payload.size });
      return await this.#ask(push, payload, peer);
    } finally {
      turn.release();
    }
  }

  /** The server's answer settles the transfer; what keeps the upload from working is told to the server, which then answers. */
  async #ask(push: Push, payload: Payload, peer: PeerHandle): Promise<Receipt> {
    const { timeoutMs } = this.#core;
    const { clock, lane } = this.#core.around;
    const { number, id, over } = push;
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
    void push.place.then(() => (isPlaced = true));
    const uploaded = this.#upload(push, payload, peer, uploading.signal).catch((error: unknown) => {
      if (uploading.signal.aborted) return;
      why = asTransferError(error);
      this.#tell(peer, { op: 'stop', way: 'up', transfer: number, ...reasonOf(why) });
      silence = clock.setTimer(() => cancel.abort(why), timeoutMs);
    });
    try {
      return await untilAborted(over.signal, answer);
    } catch (error) {
      if (over.signal.aborted) this.#tell(peer, { op: 'stop', way: 'up', transfer: number, ...reasonOf(error) });
      else if (isPlaced) await untilSettled(clock, responseMs, uploaded);
      if (why === undefined) throw error;
      if (cancel.signal.aborted) throw why;
      // The response has the headers, the answer over the bus the message.
      const isSame = failureOf(error) === failureOf(why) && error instanceof BusError;
      throw isSame && why instanceof EndpointError ? why.saying(error.message) : error;
    } finally {
      silence?.cancel();
      uploading.abort(transferError('aborted'));
      cancel.abort();
    }
  }

  async #upload(push: Push, payload: Payload, peer: PeerHandle, signal: AbortSignal): Promise<void> {
    const { caller, clock, random } = this.#core.around;
    const { timeoutMs, options } = this.#core;
    const place = await untilLate({ clock, signal, timeoutMs }, push.place, transferError('expired'));
    const meter = new Meter(clock, (bytes, rate) => push.progress({ peer, bytes, total: payload.size, rate }));
    const moved = (bytes: number) => {
      push.bytes = bytes;
      meter.moved(bytes, bytes === payload.size);
    };
    const sent = async () => {
      const digest = { sha256: await payload.fingerprint.of(payload), bytes: payload.size ?? push.bytes };
      this.#tell(peer, { op: 'digest', way: 'up', transfer: push.number, digest });
    };
    const compress = options.compress || !caller.isLocal(place);
    await persist({ clock, random, signal, timeoutMs }, (attempt) =>
      pushBody({ caller, place, payload, compress, moved, sent }, attempt),
    );
  }

  #tell(peer: PeerHandle, message: object): void {
    this.#core.around.lane.send(peer, message).catch(() => {});
  }
}
