import type { Slab } from '#codec';
import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import type { Asker, EncodedMessage, Encoder } from '../wire/dialect.ts';
import type { RemoteFailure, RequestId } from '../wire/frames.ts';
import { type Acknowledging, type ControlKind, Controls, type Outlet, WriteQueue } from './write-queue.ts';
import { Queued, type Entry, ReplayBuffer } from './replay-buffer.ts';

export interface SenderOptions {
  readonly clock: Clock;
  readonly encoder: Encoder;
  readonly slab: Slab;
  /** Frames are kept until they are acknowledged. */
  readonly reliable: boolean;
  readonly maxBytes: number;
  readonly maxMessages: number;
  readonly acks: Acknowledging;
  readonly asker: Asker;
  /** Hears when something is sent while nothing waits. */
  readonly liveness: { readonly isIdle: boolean; sending(): void };
}

const noLanes: ReadonlyMap<string, number> = new Map();
/** Bytes gathered before a flush that does not wait for the end of the turn. */
const flushBytes = 32_768;
/** Bytes the link is given to hold, or half of what may be kept; the rest waits for the link to drain. */
const linkBytes = 1_048_576;
/** Bytes the link may hold, or one turn may cut, before a body waits, so that others get their turn. */
const pumpBytes = 262_144;

/**
 * The outgoing half of a session: encodes, keeps what is not acknowledged, and writes once per turn of the event loop,
 * or at once while the link is idle.
 */
export class Sender {
  readonly replay: ReplayBuffer;
  /** Whose the large bodies are that wait to be cut. */
  readonly queued = new Queued();
  readonly #options: SenderOptions;
  readonly #encoder: Encoder;
  readonly #slab: Slab;
  readonly #reliable: boolean;
  #lanes: ReadonlyMap<string, number> = noLanes;
  readonly #writeQueue: WriteQueue;
  readonly #controls: Controls;
  /** What is written gathers until `uncork`, for one flush. */
  corked = false;
  /** Something is to be done at the end of the turn. */
  #deferred = false;
  /** What was encoded since the last flush waits for the end of the turn. */
  #gathers = false;
  /** This turn cut as much as a turn may. */
  #hasCut = false;
  /** An acknowledgement of everything up to here was asked for. */
  #askedFor = 0;

  constructor(options: SenderOptions) {
    const { maxBytes, encoder, slab, acks, asker, reliable } = options;
    this.#options = options;
    this.#encoder = encoder;
    this.#slab = slab;
    this.#reliable = reliable;
    this.replay = new ReplayBuffer((bytes, at, begins) => encoder.amend?.(bytes, at, begins, asker));
    this.#writeQueue = new WriteQueue(reliable ? Math.min(linkBytes, maxBytes / 2) : Number.POSITIVE_INFINITY);
    this.#controls = new Controls(encoder, slab, this.#writeQueue, acks);
  }

  /**
   * False asks the owner to have what is for the user's lane, or for others, wait. The first need not wait while large
   * bodies of the others do.
   */
  hasRoom(isUser: boolean): boolean {
    const { replay, queued } = this;
    const { maxBytes, maxMessages } = this.#options;
    const { queue } = this.#encoder;
    if (!this.#reliable) return this.#writeQueue.outlet !== undefined && this.pendingBytes < maxBytes;
    if (queue === undefined || queue.bytes === 0) return replay.bytes < maxBytes && replay.count < maxMessages;
    const bytes = isUser ? queue.bytesOf(0) : queue.bytes;
    return replay.bytes + bytes < maxBytes && replay.count + (isUser ? queued.countOf(0) : queued.count) < maxMessages;
  }

  /** Accepted bytes that the peer has not acknowledged, as far as known. */
  get pendingBytes(): number {
    if (this.#reliable) return this.replay.bytes + (this.#encoder.queue?.bytes ?? 0);
    return (this.#writeQueue.outlet?.bufferedBytes ?? 0) + this.#slab.pendingBytes;
  }

  /** The same of what `lane` has to wait for: lane 0 passes large bodies of others. */
  pendingBytesOf(lane: string): number {
    const { queue } = this.#encoder;
    return lane !== '' || queue === undefined ? this.pendingBytes : this.replay.bytes + queue.bytesOf(0);
  }

  /** `id`: of one that is confirmed once it was handled. */
  message(lane: string, data: unknown, confirm: boolean, entry?: Entry, id?: number): number {
    const number = lane === '' ? 0 : this.#numberOf(lane);
    return this.#sent(this.#encoder.message(number, data, confirm, id), number, entry);
  }

  /** `answersFor`: whether the message is to be among those that `abandon` returns. */
  encoded(lane: string, message: EncodedMessage, answersFor: boolean): number {
    const number = this.#numberOf(lane);
    const bytes = this.#encoder.encoded(number, message);
    const { native, records, contract } = message;
    return this.#sent(bytes, number, answersFor ? (native ?? records ?? contract ?? undefined) : undefined);
  }

  request(lane: string, id: number, data: unknown, timeoutMs: number | undefined): number {
    const number = lane === '' ? 0 : this.#numberOf(lane);
    return this.#sent(this.#encoder.request(number, id, data, timeoutMs), number);
  }

  response(lane: string, id: RequestId, data: unknown): number {
    const number = lane === '' ? 0 : this.#numberOf(lane);
    return this.#sent(this.#encoder.response(number, id, data), number);
  }

  failure(lane: string, id: RequestId, error: RemoteFailure): number {
    const number = this.#numberOf(lane);
    return this.#sent(this.#encoder.failure(number, id, error), number);
  }

  cancel(lane: string, id: number): number {
    const number = this.#numberOf(lane);
    return this.#sent(this.#encoder.cancel(number, id), number);
  }

  ping(id: number, data: unknown): void {
    this.#sent(this.#encoder.ping(id, data), 0);
  }

  pong(id: RequestId, data: unknown): void {
    this.#sent(this.#encoder.pong(id, data), 0);
  }

  /** A reason that cannot be encoded does not travel. */
  end(reason: unknown, allowReconnect: boolean, code: string | undefined): void {
    let bytes: number;
    try {
      bytes = this.#encoder.end(reason, allowReconnect, code);
    } catch {
      bytes = this.#encoder.end(undefined, allowReconnect, undefined);
    }
    this.#sent(bytes, 0);
    this.flush();
    this.#writeQueue.write(true);
  }

  /** Writes a frame about the link, behind the acknowledgement that is due; it is not kept for the next link. */
  control(kind: ControlKind): void {
    if (this.#writeQueue.outlet === undefined) return;
    this.#controls.owe(kind);
    if (this.corked || this.#isEncoding()) return;
    this.#takeEncoded();
    this.#controls.write();
    this.#writeQueue.write();
  }

  /** Asks the peer to acknowledge now what it has processed, unless it was asked and has not answered in full. */
  ask(): void {
    const { sequence, acknowledged, count } = this.replay;
    if (!this.#reliable || count === 0 || acknowledged < this.#askedFor) return;
    this.#askedFor = sequence;
    this.control('heartbeat');
  }

  /** Starts writing to `outlet`, first what the peer has not received of this session. False: that is gone permanently. */
  attach(outlet: Outlet, peerReceived: number): boolean {
    this.#takeEncoded();
    const replay = this.replay.after(peerReceived);
    if (replay === undefined) return false;
    this.#writeQueue.open(outlet, replay);
    this.#askedFor = 0;
    this.flush();
    return true;
  }

  detach(): void {
    this.flush();
    this.#writeQueue.close();
    this.#controls.forget();
  }

  /** `quietly`: an acknowledgement alone waits for something to ride on. */
  uncork(quietly = false): void {
    this.corked = false;
    const { queue } = this.#encoder;
    const isIdle =
      this.#slab.pendingBytes === 0 && this.#writeQueue.isEmpty && (queue === undefined || queue.bytes === 0);
    if (!quietly || !isIdle || this.#controls.owed !== 0) this.flush();
  }

  /** Whether the link has accepted everything there is for it. */
  get isWritten(): boolean {
    return this.#writeQueue.isEmpty && (this.#writeQueue.outlet?.bufferedBytes ?? 0) === 0;
  }

  /** Hands everything encoded, and the acknowledgement that is due, to the link. */
  flush(): void {
    if (this.#isEncoding()) return;
    const { acks, maxBytes, maxMessages } = this.#options;
    const { queue } = this.#encoder;
    this.#gathers = false;
    this.#takeEncoded();
    if (queue !== undefined && queue.bytes > 0 && !this.#hasCut) this.#pump(queue);
    if (this.#controls.owed !== 0 || acks.received > acks.acked) this.#controls.write();
    this.#writeQueue.write();
    const { count, bytes } = this.replay;
    // Half of what may be unacknowledged is.
    if (count * 2 >= maxMessages || bytes * 2 >= maxBytes) this.ask();
  }

  /** Entries of frames that nobody will acknowledge any more, in order; the sender is spent after it. */
  abandon(): Entry[] {
    this.#writeQueue.close();
    return [...this.replay.abandon(), ...this.queued.abandon()];
  }

  /** The number of the lane called `name`, announced to the peer with its first use; lane 0 is the user's. */
  #numberOf(name: string): number {
    if (name === '') return 0;
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    if (!this.#reliable) {
      throw new BusError('ERR_PEER_LACKS_FEATURE', `The peer speaks net-ipc, which has no lanes such as "${name}"`);
    }
    const lane = this.#lanes.size + 1;
    this.#lanes = new Map(this.#lanes).set(name, lane);
    this.#sent(this.#encoder.open(lane, name), lane);
    return lane;
  }

  #sent(bytes: number, lane: number, entry?: Entry): number {
    const { liveness } = this.#options;
    const size = bytes || this.#encoder.queue?.lastBytes || 0;
    if (liveness.isIdle) liveness.sending();
    if (!this.#reliable) entry?.acknowledged?.();
    else if (bytes > 0) this.replay.record(bytes, entry);
    else this.queued.add(lane, entry);
    if ((this.corked || this.#deferred) && this.#slab.pendingBytes < flushBytes) {
      this.#gathers = true;
    } else {
      if (!this.corked) this.#flushLater();
      this.flush();
    }
    return size;
  }

  readonly #endOfTurn = (): void => {
    const isDue = this.#gathers || this.#hasCut;
    this.#deferred = false;
    this.#hasCut = false;
    if (isDue) this.flush();
  };

  /** What was encoded is kept, and is to be written. */
  #takeEncoded(): void {
    if (this.#slab.pendingBytes === 0) return;
    const segments = this.#slab.take();
    if (this.#reliable) for (const segment of segments) this.replay.store(segment);
    this.#writeQueue.add(segments);
  }

  /**
   * Cuts queued bodies while the link accepts more, in steps: on a compressed link each chunk is deflated here, and the
   * link may never fill.
   */
  #pump(queue: NonNullable<Encoder['queue']>): void {
    const { outlet } = this.#writeQueue;
    if (outlet === undefined) return;
    let cut = 0;
    outlet.cork?.();
    while (cut < pumpBytes && outlet.bufferedBytes < pumpBytes && this.replay.bytes < this.#options.maxBytes) {
      const chunk = queue.writeChunk(this.#options.asker);
      if (chunk === undefined) break;
      cut += chunk.bytes;
      this.replay.record(chunk.bytes, chunk.last ? this.queued.take(chunk.lane) : undefined, chunk.first);
      this.#takeEncoded();
      this.#writeQueue.write();
    }
    outlet.uncork?.();
    this.#hasCut = cut >= pumpBytes;
    if (this.#hasCut) this.#flushLater();
  }

  /** From inside data that is being encoded nothing can be written: all that is due leaves at the end of the turn. */
  #isEncoding(): boolean {
    if (!this.#slab.isLent) return false;
    this.#gathers = true;
    this.#flushLater();
    return true;
  }

  #flushLater(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    this.#options.clock.defer(this.#endOfTurn);
  }
}
