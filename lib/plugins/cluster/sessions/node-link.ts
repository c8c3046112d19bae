import { copyOf } from '../../../base/bytes.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { Queue } from '../../../base/queue.ts';
import type { Link, LinkEvents } from '../../../transport/link.ts';
import { countOf, linkPacket, linkPayloadAt, PacketKind } from '../wire/packet.ts';
import type { Seal } from '../wire/seal.ts';
import { OutgoingBytes, windowBytes } from './outgoing-bytes.ts';

/** As many bytes wait here, and a writer is asked to wait. */
const highWaterBytes = 65_536;
/** Processed bytes are acknowledged after this time, or this many bytes. */
const ackMs = 5;
const ackBytes = windowBytes / 4;
const endTimeoutMs = 5_000;

export interface NodeLinkOptions {
  /** The node at the peer. */
  readonly remote: string;
  readonly id: Uint8Array;
  readonly seal: Seal;
  /** How this end and the other are told apart in seals. */
  readonly side: 'dialled' | 'accepted';
  readonly clock: Clock;
  send(packet: Uint8Array): void;
  /** Something is on its way. */
  awaited(): void;
  closed(): void;
}

/**
 * A link to another node, over packets that may be lost. It notices each loss and breaks, and the session on it continues with
 * the next link: that is who sends again.
 */
export class NodeLink implements Link {
  readonly kind = 'nats';
  readonly remote: string;
  readonly trusted = false;
  readonly socket = undefined;
  readonly #options: NodeLinkOptions;
  readonly #outbound: string;
  readonly #inbound: string;
  #events: LinkEvents | undefined;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #error: Error | undefined;
  readonly #out: OutgoingBytes;
  #corked = false;
  #isFull = false;
  /** Packets that arrived in order, the bytes of them that were processed, and how many of those the peer knows of. */
  #came = 0;
  #heldBytes = 0;
  #taken = 0;
  #told = 0;
  #ackTimer: Timer | undefined;
  #endCame = false;
  readonly #held = new Queue<Uint8Array>();
  #paused = false;
  #waits = false;
  #endTimer: Timer | undefined;

  constructor(options: NodeLinkOptions) {
    this.#options = options;
    this.remote = options.remote;
    this.#outbound = options.side;
    this.#inbound = options.side === 'dialled' ? 'accepted' : 'dialled';
    this.#out = new OutgoingBytes(options.clock, {
      data: (count, size, fill) => {
        const packet = this.#packet(PacketKind.data, count, size);
        fill(packet, linkPayloadAt);
        this.#publish(packet);
      },
      end: (count) => this.#publish(this.#packet(PacketKind.end, count)),
      sync: (count) => this.#publish(this.#packet(PacketKind.sync, count)),
      awaited: () => options.awaited(),
    });
  }

  get bufferedBytes(): number {
    return this.#out.waiting;
  }

  /** Whether the peer has not yet acknowledged everything that was written. */
  get isAwaited(): boolean {
    return this.#state !== 'closed' && this.#out.isAwaited;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
    if (this.#state === 'closed') this.#options.clock.defer(() => events.close(this.#error));
    else this.#takeSoon();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    this.#out.add(bytes);
    if (!this.#corked) this.#send();
    this.#isFull ||= this.#out.waiting > highWaterBytes;
    return !this.#isFull;
  }

  cork(): void {
    this.#corked = true;
  }

  uncork(): void {
    this.#corked = false;
    this.#send();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#takeSoon();
  }

  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#corked = false;
    this.#endTimer = this.#options.clock.setTimer(() => this.destroy(), endTimeoutMs, true);
    this.#send();
    this.#takeSoon();
  }

  destroy(error?: Error): void {
    if (this.#state === 'closed') return;
    this.#corked = false;
    // What was written before still goes, as on a socket.
    this.#send();
    this.#reset();
    this.#close(error);
  }

  release(): undefined {
    return undefined;
  }

  /** A packet about this link came. */
  received(packet: Uint8Array): void {
    const body = this.#options.seal.open(packet, this.#inbound);
    if (body === undefined) return;
    if (this.#state === 'closed') {
      // Who sends on has not learned of it.
      if (body[0] === PacketKind.data || body[0] === PacketKind.sync) this.#reset();
      return;
    }
    const count = countOf(body);
    switch (body[0]) {
      case PacketKind.data:
        if (this.#isNext(count)) this.#bytes(body.subarray(linkPayloadAt));
        return;
      case PacketKind.end:
        if (this.#isNext(count)) this.#end();
        return;
      case PacketKind.ack:
        this.#acked(count);
        return;
      case PacketKind.sync:
        if (count > this.#came) this.#lost();
        else this.#tell();
        return;
      case PacketKind.reset:
        this.#close(new BusError('ERR_CONNECT', 'The other node has no such link any more'));
        return;
      default:
    }
  }

  /** The wire is gone: what was in flight may be lost. */
  cut(): void {
    this.#close(new BusError('ERR_CONNECT', 'The link to the other node broke'));
  }

  #isNext(count: number): boolean {
    if (count === this.#came) {
      this.#came += 1;
      return !this.#endCame;
    }
    if (count > this.#came) this.#lost();
    return false;
  }

  #lost(): void {
    this.#reset();
    this.#close(new BusError('ERR_CONNECT', 'Something was lost on the way from the other node'));
  }

  #packet(kind: number, count: number, payloadBytes = 0): Buffer {
    return linkPacket(kind, this.#options.id, count, payloadBytes, this.#options.seal);
  }

  #publish(packet: Uint8Array): void {
    this.#options.seal.close(packet, this.#outbound);
    this.#options.send(packet);
  }

  #reset(): void {
    this.#publish(this.#packet(PacketKind.reset, 0));
  }

  #send(): void {
    if (!this.#corked && this.#state !== 'closed') this.#out.send(this.#state === 'ending');
  }

  #acked(bytes: number): void {
    if (!this.#out.taken(bytes)) return;
    this.#send();
    if (!this.#isFull || this.#out.waiting > 0) return;
    this.#isFull = false;
    if (this.#state === 'open') this.#events?.drain();
  }

  #bytes(bytes: Uint8Array): void {
    this.#heldBytes += bytes.length;
    // The peer sends no more than there is room for.
    if (this.#heldBytes > windowBytes) this.#lost();
    else if (this.#events === undefined || this.#held.length > 0 || this.#isHeldBack) this.#held.push(copyOf(bytes));
    else this.#take(bytes);
  }

  get #isHeldBack(): boolean {
    return this.#paused && this.#state === 'open';
  }

  #take(bytes: Uint8Array): void {
    this.#heldBytes -= bytes.length;
    this.#taken += bytes.length;
    // Who ended this side and paused it wants no more.
    if (!this.#paused) this.#events?.data(bytes);
    if (this.#isClosed) return;
    if (this.#taken - this.#told >= ackBytes) this.#tell();
    else this.#ackTimer ??= this.#options.clock.setTimer(this.#tell, ackMs, true);
  }

  readonly #tell = (): void => {
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
    if (this.#state === 'closed') return;
    this.#told = this.#taken;
    this.#publish(this.#packet(PacketKind.ack, this.#taken));
  };

  #end(): void {
    this.#endCame = true;
    if (this.#held.length === 0) this.#ended();
  }

  /** Everything that the peer wrote was processed. */
  #ended(): void {
    this.#tell();
    if (this.#state === 'open') this.end();
    if (this.#out.endIsSent) this.#close(undefined);
  }

  /** A getter, as the state may change in a call. */
  get #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #takeSoon(): void {
    if (this.#waits || this.#held.length === 0) return;
    this.#waits = true;
    this.#options.clock.defer(() => this.#takeHeld());
  }

  #takeHeld(): void {
    this.#waits = false;
    while (!this.#isClosed && !this.#isHeldBack) {
      const bytes = this.#held.shift();
      if (bytes === undefined) break;
      this.#take(bytes);
    }
    if (!this.#isClosed && this.#held.length === 0 && this.#endCame) this.#ended();
  }

  #close(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#error = error;
    this.#out.close();
    this.#ackTimer?.cancel();
    this.#endTimer?.cancel();
    this.#held.clear();
    this.#options.closed();
    this.#options.clock.defer(() => this.#events?.close(error));
  }
}
