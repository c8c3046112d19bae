import type { Socket } from 'node:net';
import { Queue } from '../base/queue.ts';
import type { Random } from '../base/random.ts';
import type { ProxyFaults } from './fault-options.ts';

/** With this many bytes on their way, the sender is not read any more. */
const highWaterBytes = 1_048_576;
const tickMs = 5;
/** Pieces written in one go, so that slicing does not block the process. */
const mostPieces = 64;

interface Piece {
  readonly bytes: Buffer;
  readonly due: number;
}

/** One direction of a proxied link. */
export class FaultPump {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: ProxyFaults;
  readonly #random: Random;
  readonly #cut: () => void;
  readonly #queue = new Queue<Piece>();
  #queued = 0;
  #passed = 0;
  #allowance = 0;
  #lastTick = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #stopped = false;

  /** `cut` resets the whole link. */
  constructor(from: Socket, to: Socket, faults: ProxyFaults, random: Random, cut: () => void) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    this.#random = random;
    this.#cut = cut;
    from.on('data', (bytes: Buffer) => {
      this.#queue.push({ bytes, due: performance.now() + (faults.latencyMs ?? 0) });
      this.#queued += bytes.length;
      if (this.#queued > highWaterBytes) from.pause();
      this.pump();
    });
    from.on('end', () => {
      this.#ended = true;
      this.pump();
    });
    to.on('drain', () => this.pump());
  }

  /** Passes the bytes that may pass now; call it again when the faults changed. */
  pump(): void {
    if (this.#stopped || this.#faults.blackHole === true) return;
    this.#refill();
    let pieces = mostPieces;
    while (!this.#stopped && !this.#to.writableNeedDrain) {
      const head = this.#queue.first;
      if (head === undefined) {
        this.#finish();
        return;
      }
      const size = this.#size(head);
      if (size === 0 || pieces-- === 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.pump();
        }, tickMs);
        return;
      }
      this.#pass(head, size);
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#queue.clear();
  }

  #refill(): void {
    const now = performance.now();
    const { bytesPerSecond } = this.#faults;
    this.#allowance =
      bytesPerSecond === undefined
        ? Number.POSITIVE_INFINITY
        : Math.min(
            bytesPerSecond / 10,
            Math.min(this.#allowance, bytesPerSecond) + ((now - this.#lastTick) * bytesPerSecond) / 1_000,
          );
    this.#lastTick = now;
  }

  /** How many bytes of `piece` may pass now; 0 means wait. */
  #size(piece: Piece): number {
    if (piece.due > performance.now()) return 0;
    const { sliceBytes, cutAfterBytes = Number.POSITIVE_INFINITY } = this.#faults;
    const slice = sliceBytes === undefined ? piece.bytes.length : 1 + Math.floor(this.#random.unit() * sliceBytes);
    return Math.floor(Math.min(piece.bytes.length, slice, this.#allowance, Math.max(1, cutAfterBytes - this.#passed)));
  }

  #pass(piece: Piece, size: number): void {
    if (size === piece.bytes.length) this.#queue.shift();
    else this.#queue.replaceFirst({ bytes: piece.bytes.subarray(size), due: piece.due });
    this.#queued -= size;
    this.#passed += size;
    this.#allowance -= size;
    this.#to.write(piece.bytes.subarray(0, size));
    if (this.#queued < highWaterBytes / 2 && this.#from.isPaused()) this.#from.resume();
    if (this.#passed >= (this.#faults.cutAfterBytes ?? Number.POSITIVE_INFINITY)) this.#cut();
  }

  #finish(): void {
    if (!this.#ended || this.#timer !== undefined) return;
    const { slowCloseMs = 0 } = this.#faults;
    if (slowCloseMs === 0) {
      this.#to.end();
      return;
    }
    this.#timer = setTimeout(() => {
      if (!this.#stopped) this.#to.end();
    }, slowCloseMs);
  }
}
