import { Queue } from '../base/queue.ts';

/** What is needed of a link to write to it. */
export interface Outlet {
  readonly bufferedBytes: number;
  /** False when the owner is to flush again once the link drained. */
  write(bytes: Uint8Array): boolean;
  /** Writes between the two leave together. */
  cork?(): void;
  uncork?(): void;
}

/** What a session needs of a link, beyond writing. */
export interface SessionLink extends Outlet {
  pause(): void;
  resume(): void;
}

/** What goes to a link, neighbours in one piece; it is given so many bytes to hold, and the rest waits for its drain. */
export class WriteQueue {
  readonly #mostBytes: number;
  /** The link at present. */
  outlet: Outlet | undefined;
  /** Pieces that were ever added. */
  added = 0;
  readonly #unwritten = new Queue<Uint8Array>();
  /** The link asked to wait for its drain. */
  #isFull = false;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** How many of the pieces ever added are not here any more. */
  get taken(): number {
    return this.added - this.#unwritten.length;
  }

  get isEmpty(): boolean {
    return this.#unwritten.length === 0;
  }

  /** Carries on with `outlet`, which gets `first` before all else. */
  open(outlet: Outlet, first: Uint8Array[]): void {
    this.outlet = outlet;
    this.#isFull = false;
    this.#unwritten.clear();
    this.add(first);
  }

  close(): void {
    this.outlet = undefined;
    this.#unwritten.clear();
  }

  /** Adds what the next `write` hands on; dropped without a link. */
  add(segments: readonly Uint8Array[]): void {
    if (this.outlet === undefined) return;
    this.added += segments.length;
    for (const segment of segments) this.#unwritten.push(segment);
  }

  /** `isLast`: the link is about to close, and nothing waits for it to drain. */
  write(isLast = false): void {
    const outlet = this.outlet;
    const unwritten = this.#unwritten;
    if (outlet === undefined || unwritten.length === 0) return;
    const several = unwritten.length > 1 ? outlet : undefined;
    several?.cork?.();
    // Writing may end in the close of this link, and even in the next one.
    while (this.outlet === outlet && (isLast || !this.#isFull || outlet.bufferedBytes < this.#mostBytes)) {
      let piece = unwritten.shift();
      if (piece === undefined) break;
      for (let next = unwritten.first; next !== undefined; next = unwritten.first) {
        const joined = join(piece, next);
        if (joined === undefined) break;
        piece = joined;
        unwritten.shift();
      }
      this.#isFull = !outlet.write(piece);
    }
    several?.uncork?.();
  }
}

/** Two neighbours in one buffer as one view; undefined when they are not neighbours. */
function join(first: Uint8Array, second: Uint8Array): Uint8Array | undefined {
  if (first.buffer !== second.buffer || first.byteOffset + first.length !== second.byteOffset) return undefined;
  return typeof Buffer === 'function'
    ? Buffer.from(first.buffer, first.byteOffset, first.length + second.length)
    : new Uint8Array(first.buffer, first.byteOffset, first.length + second.length);
}
