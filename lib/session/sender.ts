import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import type { EncodedMessage, Encoder } from '../wire/dialect.ts';
import type { RemoteFailure, RequestId } from '../wire/frames.ts';
import type { Slab } from '../wire/slab.ts';
import { type Entry, Outbox } from './outbox.ts';

/** What the sender needs of a link. */
export interface Outlet {
  readonly bufferedBytes: number;
  write(bytes: Uint8Array): boolean;
}

export interface SenderOptions {
  readonly clock: Clock;
  readonly encoder: Encoder;
  readonly slab: Slab;
  /** True in the `session` tier: frames are kept until acknowledged. */
  readonly keeps: boolean;
  readonly maxBytes: number;
  readonly maxMessages: number;
  /** The acknowledgement that is due, or -1; asked once per flush. */
  takeAck(): number;
  /** Something is sent. */
  sending(): void;
}

/** Bytes gathered before a flush that does not wait for the end of the turn. */
const flushBytes = 32_768;
/** Bytes the link may hold before a cut body waits, so that other lanes get their turn. */
const pumpBytes = 262_144;

/**
 * The outgoing half of a session: encodes, keeps what is not acknowledged, and writes once per turn of the event loop,
 * or at once while the link is idle.
 */
export class Sender {
  readonly outbox = new Outbox();
  readonly #options: SenderOptions;
  readonly #lanes = new Map<string, number>();
  /** Whose the queued bodies are, by lane, in the order of the queue. */
  readonly #queued = new Map<number, (Entry | undefined)[]>();
  #outlet: Outlet | undefined;
  /** Segments of this flush that the link does not have yet. */
  #unwritten: Uint8Array[] = [];
  #corked = false;
  #deferred = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** False asks the owner to hold further messages back until there is room. */
  get hasRoom(): boolean {
    const { keeps, maxBytes, maxMessages } = this.#options;
    const mayTake = keeps ? this.outbox.count < maxMessages : this.#outlet !== undefined;
    return mayTake && this.pendingBytes < maxBytes;
  }

  /** The same for lane 0 and for answers, which need not wait while large bodies of other lanes do. */
  get hasUserRoom(): boolean {
    const { keeps, maxBytes, maxMessages, encoder } = this.#options;
    if (!keeps || encoder.queue === undefined || encoder.queue.bytes === 0) return this.hasRoom;
    return this.outbox.bytes + encoder.queue.bytesOf(0) < maxBytes && this.outbox.count < maxMessages;
  }

  /** Bytes accepted that the peer has not taken, as far as this tier can tell. */
  get pendingBytes(): number {
    if (this.#options.keeps) return this.outbox.bytes + this.#queueBytes;
    return (this.#outlet?.bufferedBytes ?? 0) + this.#options.slab.pendingBytes;
  }

  message(laneName: string, data: unknown, confirm: boolean, entry?: Entry): void {
    const lane = this.#lane(laneName);
    this.#sent(this.#options.encoder.message(lane, data, confirm || this.#wantsAck), lane, entry);
  }

  encoded(laneName: string, message: EncodedMessage, entry?: Entry): void {
    const lane = this.#lane(laneName);
    this.#sent(this.#options.encoder.encoded(lane, message, this.#wantsAck), lane, entry);
  }

  request(laneName: string, id: number, data: unknown, timeoutMs: number | undefined): void {
    const lane = this.#lane(laneName);
    this.#sent(this.#options.encoder.request(lane, id, data, timeoutMs), lane, undefined);
  }

  response(laneName: string, id: RequestId, data: unknown): void {
    const lane = this.#lane(laneName);
    this.#sent(this.#options.encoder.response(lane, id, data), lane, undefined);
  }

  failure(laneName: string, id: RequestId, error: RemoteFailure): void {
    const lane = this.#lane(laneName);
    this.#sent(this.#options.encoder.failure(lane, id, error), lane, undefined);
  }

  cancel(laneName: string, id: number): void {
    const lane = this.#lane(laneName);
    this.#sent(this.#options.encoder.cancel(lane, id), lane, undefined);
  }

  ping(id: number, data: unknown): void {
    this.#sent(this.#options.encoder.ping(id, data), 0, undefined);
  }

  pong(id: RequestId, data: unknown): void {
    this.#sent(this.#options.encoder.pong(id, data), 0, undefined);
  }

  end(reason: unknown, allowReconnect: boolean, code: string | undefined): void {
    this.#sent(this.#options.encoder.end(reason, allowReconnect, code), 0, undefined);
    this.flush();
  }

  /** Writes a frame about the link itself; it is not kept, and nothing is written while there is no link. */
  control(kind: 'heartbeat' | 'heartbeatReply' | 'pause' | 'resume' | 'goingAway'): void {
    if (this.#outlet === undefined) return;
    this.#flushSequenced();
    this.#options.encoder[kind]();
    this.#writeAll(this.#options.slab.take());
  }

  /** Starts writing to `outlet`, first what the peer has not received of this session. False: that is gone for good. */
  attach(outlet: Outlet, peerReceived: number): boolean {
    this.#flushSequenced();
    const replay = this.outbox.after(peerReceived);
    if (replay === undefined) return false;
    this.#outlet = outlet;
    for (const segment of replay) outlet.write(segment);
    this.flush();
    return true;
  }

  canReplay(peerReceived: number): boolean {
    return peerReceived >= this.outbox.acknowledged && peerReceived <= this.outbox.sequence;
  }

  detach(): void {
    this.flush();
    this.#outlet = undefined;
  }

  /** Gathers everything written until `uncork` into one flush. */
  cork(): void {
    this.#corked = true;
  }

  uncork(): void {
    this.#corked = false;
    this.flush();
  }

  /** As `uncork`, but with no acknowledgement of its own: one rides along if something else goes out. */
  uncorkQuietly(): void {
    this.#corked = false;
    if (this.#options.slab.pendingBytes > 0 || this.#unwritten.length > 0 || this.#queueBytes > 0) this.flush();
  }

  /** What `isFlushed` takes to mean everything accepted up to now. */
  get mark(): number {
    return this.#queueBytes > 0 ? Number.POSITIVE_INFINITY : this.outbox.sequence;
  }

  /** Whether everything up to `mark` was acknowledged or, where nothing is kept, handed to the system. */
  isFlushed(mark: number): boolean {
    if (this.#options.keeps)
      return this.#queueBytes === 0 && this.outbox.acknowledged >= Math.min(mark, this.outbox.sequence);
    return this.#outlet === undefined || this.#outlet.bufferedBytes === 0;
  }

  /** With half the room used, the peer is asked not to put its acknowledgement off. */
  get #wantsAck(): boolean {
    const { keeps, maxBytes, maxMessages } = this.#options;
    return keeps && (this.outbox.count * 2 >= maxMessages || this.outbox.bytes * 2 >= maxBytes);
  }

  get #queueBytes(): number {
    return this.#options.encoder.queue?.bytes ?? 0;
  }

  /** Hands everything encoded, and the acknowledgement that is due, to the link. */
  flush(): void {
    this.#flushSequenced();
    this.#pump();
    const ack = this.#outlet === undefined ? -1 : this.#options.takeAck();
    if (ack >= 0 && this.#options.encoder.ack(ack) > 0) this.#writeAll(this.#options.slab.take());
    else this.#writeAll([]);
  }

  /** Entries of frames that nobody will acknowledge any more, in order; the sender is spent after it. */
  abandon(): Entry[] {
    const left = this.outbox.abandon();
    for (const queue of this.#queued.values()) {
      for (const entry of queue) if (entry !== undefined) left.push(entry);
    }
    this.#queued.clear();
    this.#outlet = undefined;
    return left;
  }

  /** The number of the lane called `name`, announced to the peer with its first use; lane 0 is the user's. */
  #lane(name: string): number {
    if (name === '') return 0;
    const known = this.#lanes.get(name);
    if (known !== undefined) return known;
    if (!this.#options.keeps) {
      throw new BusError('ERR_PEER_LACKS_FEATURE', `The peer speaks net-ipc, which has no lanes such as "${name}"`);
    }
    const lane = this.#lanes.size + 1;
    this.#lanes.set(name, lane);
    this.#sent(this.#options.encoder.open(lane, name), lane, undefined);
    return lane;
  }

  #sent(bytes: number, lane: number, entry: Entry | undefined): void {
    this.#options.sending();
    if (this.#options.keeps) {
      if (bytes > 0) this.outbox.record(bytes, entry);
      else this.#enqueue(lane, entry);
    } else {
      entry?.acknowledged?.();
    }
    if (this.#corked) {
      if (this.#options.slab.pendingBytes >= flushBytes) this.flush();
      return;
    }
    if (!this.#deferred) {
      this.#deferred = true;
      this.#options.clock.defer(this.#endOfTurn);
      this.flush();
    } else if (this.#options.slab.pendingBytes >= flushBytes) {
      this.flush();
    }
  }

  readonly #endOfTurn = (): void => {
    this.#deferred = false;
    this.flush();
  };

  #enqueue(lane: number, entry: Entry | undefined): void {
    const queue = this.#queued.get(lane);
    if (queue === undefined) this.#queued.set(lane, [entry]);
    else queue.push(entry);
  }

  #flushSequenced(): void {
    const { slab, keeps } = this.#options;
    if (slab.pendingBytes === 0) return;
    for (const segment of slab.take()) {
      if (keeps) this.outbox.store(segment);
      if (this.#outlet !== undefined) this.#unwritten.push(segment);
    }
  }

  /** Cuts queued bodies while the link takes more. */
  #pump(): void {
    const queue = this.#options.encoder.queue;
    if (queue === undefined || queue.bytes === 0) return;
    while (this.#outlet !== undefined && this.#outlet.bufferedBytes < pumpBytes) {
      if (this.outbox.bytes >= this.#options.maxBytes) return;
      const chunk = queue.writeChunk();
      if (chunk === undefined) return;
      this.outbox.record(chunk.bytes, chunk.last ? this.#queued.get(chunk.lane)?.shift() : undefined);
      this.#flushSequenced();
      this.#writeAll([]);
    }
  }

  #writeAll(more: readonly Uint8Array[]): void {
    const outlet = this.#outlet;
    const segments = this.#unwritten;
    if (outlet === undefined || (segments.length === 0 && more.length === 0)) return;
    this.#unwritten = [];
    let previous: Uint8Array | undefined;
    for (const list of [segments, more]) {
      for (const segment of list) {
        const joined = previous === undefined ? segment : join(previous, segment);
        if (joined === undefined) {
          outlet.write(previous as Uint8Array);
          previous = segment;
        } else {
          previous = joined;
        }
      }
    }
    if (previous !== undefined) outlet.write(previous);
  }
}

/** Two neighbours in one buffer as one view; undefined when they are not neighbours. */
function join(first: Uint8Array, second: Uint8Array): Uint8Array | undefined {
  if (first.buffer !== second.buffer || first.byteOffset + first.length !== second.byteOffset) return undefined;
  return typeof Buffer === 'function'
    ? Buffer.from(first.buffer, first.byteOffset, first.length + second.length)
    : new Uint8Array(first.buffer, first.byteOffset, first.length + second.length);
}
