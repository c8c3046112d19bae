/** What is needed of a link to write to it. */
export interface Outlet {
  readonly bufferedBytes: number;
  /** False when the owner is to flush again once the link drained. */
  write(bytes: Uint8Array): boolean;
  /** Writes between the two leave together. */
  cork?(): void;
  uncork?(): void;
}

/** What goes to a link, neighbours in one piece; it is given so many bytes to hold, and the rest waits for its drain. */
export class Outflow {
  readonly #mostBytes: number;
  #outlet: Outlet | undefined;
  #unwritten: Uint8Array[] = [];
  /** The link asked to wait for its drain. */
  #isFull = false;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get outlet(): Outlet | undefined {
    return this.#outlet;
  }

  get isEmpty(): boolean {
    return this.#unwritten.length === 0;
  }

  /** Carries on with `outlet`, which gets `first` before all else. */
  open(outlet: Outlet, first: Uint8Array[]): void {
    this.#outlet = outlet;
    this.#isFull = false;
    this.#unwritten = first;
  }

  close(): void {
    this.#outlet = undefined;
    this.#unwritten = [];
  }

  /** Adds what the next `write` hands on; dropped without a link. */
  add(segments: readonly Uint8Array[]): void {
    if (this.#outlet === undefined) return;
    for (const segment of segments) this.#unwritten.push(segment);
  }

  /** `isLast`: the link is about to close, and nothing waits for it to drain. */
  write(isLast = false): void {
    const outlet = this.#outlet;
    const segments = this.#unwritten;
    if (outlet === undefined || segments.length === 0) return;
    this.#unwritten = [];
    let written = 0;
    outlet.cork?.();
    while (written < segments.length) {
      if (this.#isFull && !isLast && outlet.bufferedBytes >= this.#mostBytes) break;
      let piece = segments[written] as Uint8Array;
      for (written += 1; written < segments.length; written++) {
        const joined = join(piece, segments[written] as Uint8Array);
        if (joined === undefined) break;
        piece = joined;
      }
      this.#isFull = !outlet.write(piece);
    }
    outlet.uncork?.();
    if (written < segments.length && this.#outlet === outlet) {
      this.#unwritten = segments.slice(written).concat(this.#unwritten);
    }
  }
}

/** Two neighbours in one buffer as one view; undefined when they are not neighbours. */
function join(first: Uint8Array, second: Uint8Array): Uint8Array | undefined {
  if (first.buffer !== second.buffer || first.byteOffset + first.length !== second.byteOffset) return undefined;
  return typeof Buffer === 'function'
    ? Buffer.from(first.buffer, first.byteOffset, first.length + second.length)
    : new Uint8Array(first.buffer, first.byteOffset, first.length + second.length);
}
