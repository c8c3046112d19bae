import type { Clock, Timer } from '../base/clock.ts';
import { Queue } from '../base/queue.ts';
import type { Random } from '../base/random.ts';
import type { DirectionFaults } from './memory-faults.ts';

/** As many bytes in flight as this, and a writer is asked to wait. */
const highWaterBytes = 65_536;
const lowWaterBytes = highWaterBytes / 2;

interface Segment {
  /** `undefined` marks the end of the stream. */
  readonly bytes: Uint8Array | undefined;
  readonly due: number;
}

/** What a pipe tells the two links it joins. */
export interface PipeEvents {
  data(bytes: Uint8Array): void;
  end(): void;
  drain(): void;
  cut(): void;
}

export interface PipeOptions {
  readonly clock: Clock;
  readonly netLag: number;
  readonly netSpeed: number;
  readonly faults?: DirectionFaults | undefined;
  readonly random?: Random | undefined;
}

/** One direction of a memory link: bytes in order, each late by the lag model of the sending end. */
export class MemoryPipe {
  readonly #clock: Clock;
  readonly #netLag: number;
  readonly #netSpeed: number;
  readonly #faults: DirectionFaults;
  readonly #random: Random | undefined;
  readonly #events: PipeEvents;
  readonly #queue = new Queue<Segment>();
  #bytes = 0;
  #delivered = 0;
  #lastDelay = 0;
  #lastSend = 0;
  #waiting = false;
  #timer: Timer | undefined;
  #pumping = false;
  #held = true;
  #blackHole = false;
  #dropped = false;

  constructor(options: PipeOptions, events: PipeEvents) {
    this.#clock = options.clock;
    this.#netLag = options.netLag;
    this.#netSpeed = options.netSpeed;
    this.#faults = options.faults ?? {};
    this.#random = options.random;
    this.#events = events;
    this.#blackHole = this.#faults.blackHoleAtByte === 0;
  }

  get bufferedBytes(): number {
    return this.#bytes;
  }

  /** True: there is room for more. */
  push(bytes: Uint8Array): boolean {
    if (this.#dropped) return false;
    if (bytes.length > 0) {
      const due = this.#due(bytes.length);
      for (const piece of this.#slice(bytes)) this.#queue.push({ bytes: piece, due });
      this.#bytes += bytes.length;
      this.#schedule();
    }
    if (this.#bytes <= highWaterBytes) return true;
    this.#waiting = true;
    return false;
  }

  /** Ends the stream behind what is in flight; takes no more. */
  finishWriting(): void {
    if (this.#dropped) return;
    this.#queue.push({ bytes: undefined, due: this.#due(0) });
    this.#schedule();
  }

  /** Keeps what arrives back while `held`; a new pipe is held until its receiver listens. */
  hold(held: boolean): void {
    this.#held = held;
    this.#schedule();
  }

  blackHole(open: boolean): void {
    this.#blackHole = open;
    this.#schedule();
  }

  /** Forgets everything; no event follows. */
  discard(): void {
    this.#dropped = true;
    this.#timer?.cancel();
    this.#queue.clear();
    this.#bytes = 0;
  }

  /** Each write takes the lag and its share of the speed, behind what was written before it. */
  #due(bytes: number): number {
    const cost = Math.floor(this.#netLag + (1_000 * bytes) / this.#netSpeed);
    if (cost === 0 && this.#lastDelay === 0) return 0;
    const now = this.#clock.now();
    this.#lastDelay = Math.max(0, this.#lastDelay - (now - this.#lastSend)) + cost;
    this.#lastSend = now;
    return now + this.#lastDelay;
  }

  *#slice(bytes: Uint8Array): Generator<Uint8Array> {
    const most = this.#faults.sliceBytes;
    if (most === undefined || this.#random === undefined) {
      yield bytes;
      return;
    }
    for (let from = 0; from < bytes.length; ) {
      const to = from + 1 + Math.floor(this.#random.unit() * most);
      yield bytes.subarray(from, to);
      from = to;
    }
  }

  #schedule(): void {
    const next = this.#queue.first;
    if (next === undefined || this.#held || this.#blackHole || this.#dropped || this.#pumping) return;
    this.#timer?.cancel();
    const wait = next.due === 0 ? 0 : next.due - this.#clock.now();
    if (wait > 0) {
      this.#timer = this.#clock.setTimer(this.#pump, wait);
      return;
    }
    this.#timer = undefined;
    this.#pumping = true;
    this.#clock.defer(this.#pump);
  }

  readonly #pump = (): void => {
    this.#pumping = true;
    this.#timer = undefined;
    const now = this.#clock.now();
    let turns = this.#faults.sliceBytes === undefined ? this.#queue.length : 1;
    while (turns-- > 0 && !this.#held && !this.#blackHole && !this.#dropped) {
      const segment = this.#queue.first;
      if (segment === undefined || segment.due > now) break;
      if (segment.bytes === undefined) {
        this.#queue.shift();
        this.#events.end();
      } else {
        this.#deliver(segment.bytes, segment.due);
      }
    }
    this.#pumping = false;
    if (this.#waiting && this.#bytes <= lowWaterBytes && !this.#dropped) {
      this.#waiting = false;
      this.#clock.defer(() => this.#events.drain());
    }
    this.#schedule();
  };

  #deliver(bytes: Uint8Array, due: number): void {
    const { cutAtByte = Number.POSITIVE_INFINITY, blackHoleAtByte = Number.POSITIVE_INFINITY } = this.#faults;
    const stop = blackHoleAtByte > this.#delivered ? Math.min(cutAtByte, blackHoleAtByte) : cutAtByte;
    const part = Math.min(bytes.length, stop - this.#delivered);
    this.#delivered += part;
    this.#bytes -= part;
    const rest = part < bytes.length ? bytes.subarray(part) : undefined;
    if (this.#delivered === blackHoleAtByte && part > 0) this.#blackHole = true;
    if (rest !== undefined && this.#blackHole) this.#queue.replaceFirst({ bytes: rest, due });
    else this.#queue.shift();
    if (part > 0) this.#events.data(rest === undefined ? bytes : bytes.subarray(0, part));
    if (this.#delivered >= cutAtByte) this.#events.cut();
  }
}
