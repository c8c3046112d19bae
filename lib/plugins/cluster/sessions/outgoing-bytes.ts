import { ByteQueue } from '../../../base/byte-queue.ts';
import type { Clock, Timer } from '../../../base/clock.ts';

/** Most bytes in flight that the peer has not acknowledged. */
export const windowBytes = 2_097_152;
/** The bytes of one packet. */
const mostPayload = 65_000;
/** Who hears nothing of what it sent tells how much it was, after so long, and then twice as long each time. */
const syncMs = 150;
const longestSyncMs = 1_000;

export interface OutgoingEvents {
  /** A packet of `size` bytes that `fill` writes, as number `count`. */
  data(count: number, size: number, fill: (packet: Uint8Array, at: number) => void): void;
  end(count: number): void;
  /** This many packets were sent. */
  sync(count: number): void;
  /** Something is on its way. */
  awaited(): void;
}

/** What a link sends: no more than the peer has room for. */
export class OutgoingBytes {
  readonly #clock: Clock;
  readonly #events: OutgoingEvents;
  readonly #unsent = new ByteQueue();
  /** Packets sent and bytes in them; those of the bytes that the peer acknowledged. */
  #sent = 0;
  #sentBytes = 0;
  #takenBytes = 0;
  #timer: Timer | undefined;
  #waitMs = syncMs;
  endIsSent = false;

  constructor(clock: Clock, events: OutgoingEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /** Bytes that wait for room. */
  get waiting(): number {
    return this.#unsent.size;
  }

  /** Whether the peer has not yet acknowledged all that was written. */
  get isAwaited(): boolean {
    return this.#takenBytes < this.#sentBytes + this.waiting;
  }

  add(bytes: Uint8Array): void {
    this.#unsent.add(bytes);
  }

  /** Sends what there is room for, in as few packets as it takes; `isLast`: and the end behind it. */
  send(isLast: boolean): void {
    if (this.endIsSent) return;
    for (;;) {
      const size = Math.min(this.waiting, mostPayload, windowBytes - (this.#sentBytes - this.#takenBytes));
      if (size <= 0) break;
      this.#events.data(this.#sent, size, (packet, at) => this.#unsent.moveTo(packet, at, size));
      this.#sentBytes += size;
      this.#sent += 1;
    }
    if (isLast && this.waiting === 0) {
      this.endIsSent = true;
      this.#events.end(this.#sent);
      this.#sent += 1;
    }
    this.#syncLater();
  }

  /** The peer acknowledged this many bytes; false if that is not new. */
  taken(bytes: number): boolean {
    if (bytes <= this.#takenBytes || bytes > this.#sentBytes) return false;
    this.#takenBytes = bytes;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#waitMs = syncMs;
    return true;
  }

  close(): void {
    this.#timer?.cancel();
    this.#unsent.clear();
    this.#takenBytes = this.#sentBytes;
  }

  #syncLater(): void {
    if (this.#timer !== undefined || !(this.isAwaited || this.endIsSent)) return;
    this.#events.awaited();
    this.#timer = this.#clock.setTimer(
      () => {
        this.#timer = undefined;
        this.#events.sync(this.#sent);
        this.#waitMs = Math.min(longestSyncMs, this.#waitMs * 2);
        this.#syncLater();
      },
      this.#waitMs,
      true,
    );
  }
}
