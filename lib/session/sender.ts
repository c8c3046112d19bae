import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import type { Asker, EncodedMessage, Encoder } from '../wire/dialect.ts';
import type { RemoteFailure, RequestId } from '../wire/frames.ts';
import type { Slab } from '../wire/slab.ts';
import { type ControlKind, Controls } from './controls.ts';
import { type Entry, Outbox } from './outbox.ts';
import { Outflow, type Outlet } from './outflow.ts';
import { Queued } from './queued.ts';

export interface SenderOptions {
  readonly clock: Clock;
  readonly encoder: Encoder;
  readonly slab: Slab;
  /** True in the `session` tier: frames are kept until acknowledged. */
  readonly keeps: boolean;
  readonly maxBytes: number;
  readonly maxMessages: number;
  /** Says which acknowledgement is due, or -1; asked once per flush. */
  readonly acks: { takeAck(): number };
  readonly asker: Asker;
  /** Hears when something is sent. */
  readonly watch: { sending(): void };
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
  readonly outbox: Outbox;
  readonly #options: SenderOptions;
  #lanes: ReadonlyMap<string, number> = noLanes;
  readonly queued = new Queued();
  readonly #outflow: Outflow;
  readonly #controls: Controls;
  #corked = false;
  #deferred = false;
  /** This turn cut as much as a turn may. */
  #hasCut = false;
  /** An acknowledgement of everything up to here was asked for. */
  #askedFor = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
    const { maxBytes, encoder, slab, acks, asker } = options;
    this.outbox = new Outbox((bytes, at, begins) => encoder.amend?.(bytes, at, begins, asker));
    this.#outflow = new Outflow(options.keeps ? Math.min(linkBytes, maxBytes / 2) : Number.POSITIVE_INFINITY);
    this.#controls = new Controls(encoder, slab, this.#outflow, acks);
  }

  /** False asks the owner to hold further messages back until there is room. */
  get hasRoom(): boolean {
    const { maxBytes, maxMessages } = this.#options;
    if (this.pendingBytes >= maxBytes) return false;
    if (!this.#options.keeps) return this.#outflow.outlet !== undefined;
    return this.outbox.count + this.queued.count < maxMessages;
  }

  /** The same for lane 0, which need not wait while large bodies of other lanes do. */
  get hasUserRoom(): boolean {
    const { maxBytes, maxMessages } = this.#options;
    if (this.#queueBytes === 0) return this.hasRoom;
    return this.pendingBytesOf('') < maxBytes && this.outbox.count + this.queued.countOf(0) < maxMessages;
  }

  /** Bytes accepted that the peer has not taken, as far as this tier can tell. */
  get pendingBytes(): number {
    if (this.#options.keeps) return this.outbox.bytes + this.#queueBytes;
    return (this.#outflow.outlet?.bufferedBytes ?? 0) + this.#options.slab.pendingBytes;
  }

  /** The same of what `lane` has to wait for: lane 0 passes large bodies of others. */
  pendingBytesOf(lane: string): number {
    const { queue } = this.#options.encoder;
    return lane !== '' || queue === undefined ? this.pendingBytes : this.outbox.bytes + queue.bytesOf(0);
  }

  /** `id`: of one that is confirmed once it was handled. */
  message(laneName: string, data: unknown, confirm: boolean, entry?: Entry, id?: number): void {
    const lane = this.#lane(laneName);
    this.#sent(this.#options.encoder.message(lane, data, confirm, id), lane, entry);
  }

  /** `answersFor`: whether the message is to be among those that `abandon` returns. */
  encoded(laneName: string, message: EncodedMessage, answersFor: boolean): void {
    const lane = this.#lane(laneName);
    const bytes = this.#options.encoder.encoded(lane, message);
    this.#sent(bytes, lane, answersFor ? message.native : undefined);
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

  /** A reason that cannot be encoded does not travel. */
  end(reason: unknown, allowReconnect: boolean, code: string | undefined): void {
    const { encoder } = this.#options;
    let bytes: number;
    try {
      bytes = encoder.end(reason, allowReconnect, code);
    } catch {
      bytes = encoder.end(undefined, allowReconnect, undefined);
    }
    this.#sent(bytes, 0, undefined);
    this.flush();
    this.#outflow.write(true);
  }

  /**
   * Writes a frame about the link itself, behind the acknowledgement that is due, once the link has taken those before;
   * it is not kept, and nothing is written while there is no link.
   */
  control(kind: ControlKind): void {
    if (this.#outflow.outlet === undefined) return;
    this.#controls.owe(kind);
    if (this.#corked) return;
    this.#flushSequenced();
    this.#controls.write();
    this.#outflow.write();
  }

  /** Asks the peer to acknowledge now what it has taken, unless it was asked and has not answered in full. */
  ask(): void {
    const { sequence, acknowledged, count } = this.outbox;
    if (!this.#options.keeps || count === 0 || acknowledged < this.#askedFor) return;
    this.#askedFor = sequence;
    this.control('heartbeat');
  }

  /** Starts writing to `outlet`, first what the peer has not received of this session. False: that is gone for good. */
  attach(outlet: Outlet, peerReceived: number): boolean {
    this.#flushSequenced();
    const replay = this.outbox.after(peerReceived);
    if (replay === undefined) return false;
    this.#outflow.open(outlet, replay);
    this.#askedFor = 0;
    this.flush();
    return true;
  }

  /** Whether `attach` would succeed for a peer that has received this much. */
  canReplay(peerReceived: number): boolean {
    return peerReceived >= this.outbox.acknowledged && peerReceived <= this.outbox.sequence;
  }

  detach(): void {
    this.flush();
    this.#outflow.close();
    this.#controls.forget();
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
    const isIdle = this.#options.slab.pendingBytes === 0 && this.#outflow.isEmpty && this.#queueBytes === 0;
    if (!isIdle || this.#controls.owes) this.flush();
  }

  /** Whether the link has taken all there is for it. */
  get isWritten(): boolean {
    return this.#outflow.isEmpty && (this.#outflow.outlet?.bufferedBytes ?? 0) === 0;
  }

  get #queueBytes(): number {
    return this.#options.encoder.queue?.bytes ?? 0;
  }

  /** Hands everything encoded, and the acknowledgement that is due, to the link. */
  flush(): void {
    this.#flushSequenced();
    this.#pump();
    this.#controls.write();
    this.#outflow.write();
    const { maxBytes, maxMessages } = this.#options;
    // Half of what may be unacknowledged is.
    if (this.outbox.count * 2 >= maxMessages || this.outbox.bytes * 2 >= maxBytes) this.ask();
  }

  /** Entries of frames that nobody will acknowledge any more, in order; the sender is spent after it. */
  abandon(): Entry[] {
    this.#outflow.close();
    return [...this.outbox.abandon(), ...this.queued.abandon()];
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
    this.#lanes = new Map(this.#lanes).set(name, lane);
    this.#sent(this.#options.encoder.open(lane, name), lane, undefined);
    return lane;
  }

  #sent(bytes: number, lane: number, entry: Entry | undefined): void {
    this.#options.watch.sending();
    if (this.#options.keeps) {
      if (bytes > 0) this.outbox.record(bytes, entry);
      else this.queued.add(lane, entry);
    } else {
      entry?.acknowledged?.();
    }
    if ((this.#corked || this.#deferred) && this.#options.slab.pendingBytes < flushBytes) return;
    if (!this.#corked) this.#flushLater();
    this.flush();
  }

  readonly #endOfTurn = (): void => {
    this.#deferred = false;
    this.#hasCut = false;
    this.flush();
  };

  #flushSequenced(): void {
    const { slab } = this.#options;
    if (slab.pendingBytes === 0) return;
    const segments = slab.take();
    if (this.#options.keeps) for (const segment of segments) this.outbox.store(segment);
    this.#outflow.add(segments);
  }

  /**
   * Cuts queued bodies while the link takes more, so much at a time: on a compressed link each chunk is deflated here, and
   * the link may never fill.
   */
  #pump(): void {
    const queue = this.#options.encoder.queue;
    const { outlet } = this.#outflow;
    if (queue === undefined || queue.bytes === 0 || outlet === undefined || this.#hasCut) return;
    let cut = 0;
    outlet.cork?.();
    while (cut < pumpBytes && outlet.bufferedBytes < pumpBytes && this.outbox.bytes < this.#options.maxBytes) {
      const chunk = queue.writeChunk(this.#options.asker);
      if (chunk === undefined) break;
      cut += chunk.bytes;
      this.outbox.record(chunk.bytes, chunk.last ? this.queued.take(chunk.lane) : undefined, chunk.first);
      this.#flushSequenced();
      this.#outflow.write();
    }
    outlet.uncork?.();
    this.#hasCut = cut >= pumpBytes;
    if (this.#hasCut) this.#flushLater();
  }

  #flushLater(): void {
    if (this.#deferred) return;
    this.#deferred = true;
    this.#options.clock.defer(this.#endOfTurn);
  }
}
