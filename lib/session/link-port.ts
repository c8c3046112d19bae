import type { Clock } from '../base/clock.ts';
import { copyOf } from '../base/bytes.ts';
import { asBusError, type BusError } from '../base/errors.ts';
import { Queue } from '../base/queue.ts';
import type { Link, LinkEvents } from '../transport/link.ts';
import { type Deflater, type Inflater, BlockReader, BlockWriter } from '../wire/compression.ts';
import type { SessionLink } from './write-queue.ts';

/** Who reads a link at present. */
export interface LinkReader {
  /**
   * Returns how many of `bytes` it took, undefined for all; the others come again, in a later turn of the event loop, or
   * to the next reader.
   */
  read(bytes: Uint8Array): number | undefined;
  /** The link takes bytes again. */
  drained(): void;
  closed(error?: Error): void;
  /** The bytes are not valid blocks; the link is of no use any more. */
  failed(error: BusError): void;
}

const none: never[] = [];
const nobody: LinkReader = { read: () => undefined, drained() {}, closed() {}, failed() {} };

/** A link whose reader can change or take its time, and that can be compressed from some point on. */
export class LinkPort implements SessionLink, LinkEvents {
  readonly link: Link;
  readonly #clock: Clock;
  #reader: LinkReader | undefined;
  /** What came and was not read yet; it is behind `#plain`. */
  #unread: Queue<Uint8Array> | undefined;
  /** What a block held and was not read yet. */
  #plain: Uint8Array | undefined;
  /** What is unread is read on in a later turn of the event loop; until then the link is not read. */
  #waits = false;
  /** The reader asked for it. */
  #paused = false;
  #blockReader: BlockReader | undefined;
  #blockWriter: BlockWriter | undefined;
  #streams: readonly (Deflater | Inflater)[] = none;
  #closed: { readonly error?: Error | undefined } | undefined;

  constructor(link: Link, clock: Clock) {
    this.link = link;
    this.#clock = clock;
    link.attach(this);
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  get bufferedBytes(): number {
    return this.link.bufferedBytes;
  }

  /**
   * Hands what comes from now on to `reader`, and before it what came while nobody read; one that is late learns of the
   * close at once. Without a reader, what comes is kept for the next one, who is to follow in the same turn.
   */
  read(reader: LinkReader | undefined): void {
    this.#reader = reader;
    if (reader === undefined || this.#waits) return;
    this.#readOn();
    if (this.#closed !== undefined && !this.#waits) reader.closed(this.#closed.error);
  }

  /** Nobody will read any more: what comes is dropped, and nobody learns of the close. */
  forget(): void {
    this.#reader = nobody;
    this.#unread = undefined;
    this.#plain = undefined;
  }

  /** Everything after this, both ways, travels in compressed blocks. */
  compress(deflater: Deflater, inflater: Inflater): void {
    this.#streams = [deflater, inflater];
    this.#blockWriter = new BlockWriter(deflater);
    this.#blockReader = new BlockReader(inflater);
  }

  /** Frees `streams` when the link is gone. */
  own(...streams: readonly (Deflater | Inflater)[]): void {
    this.#streams = streams;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed !== undefined) return true;
    if (this.#blockWriter === undefined) return this.link.write(bytes);
    let more = true;
    for (const block of this.#blockWriter.wrap(bytes)) more = this.link.write(block);
    return more;
  }

  cork(): void {
    this.link.cork?.();
  }

  uncork(): void {
    this.link.uncork?.();
  }

  pause(): void {
    this.#paused = true;
    this.link.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#waits) this.link.resume();
  }

  end(): void {
    this.link.end();
  }

  destroy(): void {
    this.link.destroy();
  }

  /** Bytes as they came; also for those that came together with the opening. */
  data(bytes: Uint8Array): void {
    if (this.#reader !== undefined && this.#unread === undefined) {
      const taken = this.#take(bytes);
      if (taken < 0) return;
      bytes = bytes.subarray(taken);
      if (this.#reader !== undefined) this.#wait();
    }
    this.#unread ??= new Queue();
    this.#unread.push(copyOf(bytes));
  }

  drain(): void {
    this.#reader?.drained();
  }

  close(error?: Error): void {
    this.#closed = { error };
    if (!this.#waits) this.#end();
  }

  #end(): void {
    for (const stream of this.#streams) stream.close();
    this.#streams = none;
    this.#reader?.closed(this.#closed?.error);
  }

  /** Has the reader take `bytes`; returns how many it took, or -1 when nothing is left of them, nor of a block. */
  #take(bytes: Uint8Array): number {
    if (this.#blockReader === undefined) {
      const taken = this.#reader?.read(bytes);
      return taken === undefined || taken === bytes.length ? -1 : taken;
    }
    return this.#takeBlocks(this.#blockReader, bytes);
  }

  #takeBlocks(blocks: BlockReader, bytes: Uint8Array): number {
    try {
      const taken = this.#takePlain() ? blocks.feed(bytes, this.#sink) : 0;
      return taken === bytes.length && this.#plain === undefined ? -1 : taken;
    } catch (error) {
      this.#reader?.failed(asBusError(error, 'ERR_PROTOCOL'));
      return -1;
    }
  }

  readonly #sink = (plain: Uint8Array): boolean => {
    this.#plain = plain;
    return this.#takePlain();
  };

  /** Has the reader take what is left of a block; true when it did. */
  #takePlain(): boolean {
    const plain = this.#plain;
    if (plain === undefined) return true;
    const taken = this.#reader?.read(plain) ?? plain.length;
    this.#plain = taken < plain.length ? plain.subarray(taken) : undefined;
    return this.#plain === undefined;
  }

  #readOn(): void {
    for (const unread = this.#unread; unread !== undefined && this.#unread === unread; ) {
      const { first } = unread;
      if (first === undefined) {
        this.#unread = undefined;
        return;
      }
      const taken = this.#take(first);
      if (taken < 0) {
        unread.shift();
        continue;
      }
      unread.replaceFirst(first.subarray(taken));
      this.#wait();
      return;
    }
  }

  #wait(): void {
    this.#waits = true;
    this.link.pause();
    this.#clock.defer(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    this.#waits = false;
    this.#readOn();
    if (this.#waits) return;
    if (this.#closed !== undefined) this.#end();
    else if (!this.#paused) this.link.resume();
  };
}
