import type { SeededRandom } from '../../lib/testing/seeded-random.ts';
import type { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import type { Link, LinkEvents } from '../../lib/transport/link.ts';

const highWaterBytes = 16_384;

/** One direction of a wire; whatever is written arrives in order, unless something goes wrong. */
export class WireEnd implements Link {
  readonly kind = 'memory';
  readonly remote = 'simulated';
  readonly trusted = true;
  readonly socket = undefined;
  bufferedBytes = 0;
  /** How long a byte takes from here to the peer. */
  latencyMs: number;
  jitterMs = 0;
  /** Resets the wire once this many bytes more have arrived from here. */
  cutAfterBytes = Number.POSITIVE_INFINITY;
  /** Turns the type of the frame whose header this byte is in into none there is. */
  corruptNext = false;
  /** Slices what is written so that it arrives on several turns. */
  slices = false;
  peer!: WireEnd;
  closed = false;
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  #events: LinkEvents | undefined;
  #hole = false;
  #stuck: (() => void)[] = [];
  #lastArrival = 0;
  #told = false;
  #full = false;
  #early: Uint8Array[] = [];

  constructor(clock: VirtualClock, random: SeededRandom, latencyMs: number) {
    this.#clock = clock;
    this.#random = random;
    this.latencyMs = latencyMs;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) events.data(bytes);
  }

  write(bytes: Uint8Array): boolean {
    if (this.closed) return false;
    this.bufferedBytes += bytes.length;
    if (!this.slices) this.#send(bytes);
    else {
      for (let from = 0; from < bytes.length; ) {
        const to = from + this.#random.between(1, Math.max(1, bytes.length >> 1));
        this.#send(bytes.subarray(from, to));
        from = to;
      }
    }
    this.#full ||= this.bufferedBytes > highWaterBytes;
    return !this.#full;
  }

  pause(): void {}
  resume(): void {}

  release(): undefined {
    return undefined;
  }

  end(): void {
    this.destroy();
  }

  /** What was written before still arrives, and the close behind it. */
  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.#arrive(() => this.peer.#lose(0));
    this.#tell(0);
  }

  /** A reset: what is under way is lost; each end hears of it after a delay of its own, or never. */
  cut(ownDelayMs: number, peerDelayMs: number): void {
    this.#lose(ownDelayMs);
    this.peer.#lose(peerDelayMs);
    this.cutAfterBytes = 0;
    this.peer.cutAfterBytes = 0;
  }

  /** Lets nothing through until `heal`; nobody is told. */
  blackHole(): void {
    this.#hole = true;
  }

  heal(): void {
    this.#hole = false;
    const stuck = this.#stuck;
    this.#stuck = [];
    for (const arrival of stuck) arrival();
  }

  #send(bytes: Uint8Array): void {
    this.#arrive(() => this.#deliver(bytes));
  }

  #arrive(arrival: () => void): void {
    const due = this.#clock.now() + this.latencyMs + (this.jitterMs > 0 ? this.#random.between(0, this.jitterMs) : 0);
    this.#lastArrival = Math.max(this.#lastArrival, due);
    this.#clock.setTimer(() => {
      if (this.#hole) this.#stuck.push(arrival);
      else arrival();
    }, this.#lastArrival - this.#clock.now());
  }

  #deliver(whole: Uint8Array): void {
    this.bufferedBytes -= whole.length;
    let bytes = whole;
    if (this.corruptNext && bytes.length > 4) {
      this.corruptNext = false;
      bytes = new Uint8Array(bytes);
      bytes[0] = 0xff;
    }
    const cut = bytes.length >= this.cutAfterBytes;
    if (cut) bytes = bytes.subarray(0, this.cutAfterBytes);
    this.cutAfterBytes -= bytes.length;
    if (bytes.length > 0) this.peer.#receive(bytes);
    if (cut && !this.closed) this.cut(this.#random.between(0, 30), this.#random.between(0, 30));
    if (this.#full && this.bufferedBytes <= highWaterBytes / 2) {
      this.#full = false;
      this.#clock.defer(() => {
        if (!this.#told) this.#events?.drain();
      });
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.closed) return;
    if (this.#events === undefined) this.#early.push(bytes);
    else this.#events.data(bytes);
  }

  #lose(delayMs: number): void {
    if (this.closed) return;
    this.closed = true;
    this.#tell(delayMs);
  }

  #tell(delayMs: number): void {
    if (delayMs === Number.POSITIVE_INFINITY) return;
    this.#clock.setTimer(() => {
      if (this.#told) return;
      this.#told = true;
      this.#events?.close();
    }, delayMs);
  }
}

/** Two ends of a new wire. */
export function wire(clock: VirtualClock, random: SeededRandom, latencyMs: number): [WireEnd, WireEnd] {
  const client = new WireEnd(clock, random, latencyMs);
  const server = new WireEnd(clock, random, latencyMs);
  client.peer = server;
  server.peer = client;
  return [client, server];
}
