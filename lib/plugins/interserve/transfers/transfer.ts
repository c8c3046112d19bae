import { AsyncResource } from 'node:async_hooks';
import type { Clock, Timer } from '../../../base/clock.ts';
import type { BusError } from '../../../base/errors.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';
import type { ByteRate } from '../http/body-pump.ts';
import { IdleTimeout } from '../idle-timeout.ts';
import { transferError } from '../outcomes.ts';
import type { Payload } from '../payload/payload.ts';
import type { Content, Digest, Receipt, Way } from '../protocol.ts';
import type { ReceiverPipeline } from '../receive/pipeline.ts';

/** Parts of one transfer sent at the same time. */
const mostBeside = 16;
/** A requester with more parts that do not touch does not want the whole. */
const mostParts = 1_000;

/** A peer as the owner of transfers, while its session lasts. */
export interface Owner {
  readonly peer: PeerHandle;
  /** The secret that requests of this peer carry; told over the bus only. */
  readonly key: string;
  /** Shared by all transfers of the peer, both ways. */
  readonly rate: ByteRate;
}

/** A path nobody can guess, and the tag under which the table keeps its transfer. */
export interface Endpoint {
  readonly path: string;
  readonly tag: string;
}

export interface TransferStart {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** How long the receiver may take. */
  readonly receivingMs: number;
  readonly way: Way;
  readonly number: number;
  readonly content: Content;
  readonly owner: Owner;
  readonly endpoint: Endpoint;
}

interface ClaimedRequest {
  stop(why?: BusError): void;
  readonly done: Promise<void>;
}

/** A transfer at the server, from the offer or the ask until its one end. */
export class Transfer {
  readonly way: Way;
  readonly number: number;
  readonly content: Content;
  readonly owner: Owner;
  readonly endpoint: Endpoint;
  /** Settles once; both sides are told the error it rejects with. */
  readonly ended: Promise<Receipt>;
  /** Fires when the transfer ends. */
  readonly signal: AbortSignal;
  /** Down: the content. */
  payload: Payload | undefined;
  /** Down: the parts of it that have left. */
  readonly coverage = new Coverage();
  /** Bytes that moved, for reports. */
  bytes = 0;
  /** Called as bytes move. */
  onMoved: (bytes: number) => void = () => {};
  /** Called when the last byte of the content was read, perhaps again after a break. */
  onRead: () => void = () => {};
  /** Called when the whole content has left or arrived. */
  onComplete: () => void = () => {};

  /** Where it was begun: what comes over HTTP for it belongs to the same trace. */
  readonly #scope = new AsyncResource('busbar.transfer');
  readonly #idle: IdleTimeout;
  readonly #clock: Clock;
  readonly #receivingMs: number;
  #receiving: Timer | undefined;
  readonly #over = new AbortController();
  #resolve: (receipt: Receipt) => void = () => {};
  #reject: (error: BusError) => void = () => {};
  #request: ClaimedRequest | undefined;
  /** Requests served beside it, each for a part. */
  readonly #beside = new Set<(why?: BusError) => void>();
  #begun = false;
  #pipeline: ReceiverPipeline | undefined;
  #digest: Digest | undefined;

  constructor({ clock, timeoutMs, receivingMs, way, number, content, owner, endpoint }: TransferStart) {
    this.#clock = clock;
    this.#receivingMs = receivingMs;
    this.way = way;
    this.number = number;
    this.content = content;
    this.owner = owner;
    this.endpoint = endpoint;
    this.signal = this.#over.signal;
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.ended.catch(() => {});
    this.#idle = new IdleTimeout(clock, timeoutMs, () => this.fail(transferError(this.#begun ? 'stalled' : 'expired')));
  }

  get over(): boolean {
    return this.signal.aborted;
  }

  /** Runs what a request over HTTP asks of it. */
  within<Result>(task: () => Result): Result {
    return this.#scope.runInAsyncScope(task);
  }

  /** Up: where the bytes go, from the first request on. */
  get pipeline(): ReceiverPipeline | undefined {
    return this.#pipeline;
  }

  /** The pipeline, made by `make` if there is none yet. */
  openPipeline(make: () => ReceiverPipeline): ReceiverPipeline {
    if (this.#pipeline === undefined) {
      this.#pipeline = make();
      if (this.#digest !== undefined) this.#pipeline.expect(this.#digest);
    }
    return this.#pipeline;
  }

  /** Up: the sender's digest, which may overtake the request that brings the bytes. */
  expect(digest: Digest): void {
    this.#digest = digest;
    this.#pipeline?.expect(digest);
  }

  /** Restarts the timeout of the next step: a permit, then a request, then bytes that move. */
  open(): void {
    if (!this.over) this.#idle.touch();
  }

  moved(bytes: number): void {
    this.bytes = bytes;
    if (this.over) return;
    this.#idle.touch();
    this.onMoved(bytes);
  }

  /** All bytes have left or arrived. The receiver's time runs from the first call. */
  complete(): void {
    this.#idle.stop();
    if (this.over) return;
    this.#receiving ??= this.#clock.setTimer(
      () => this.fail(transferError('stalled', 'The receiver took too long')),
      this.#receivingMs,
    );
    this.onComplete();
  }

  /**
   * Makes a request the one that serves this transfer. The previous one is stopped first, because the peer has replaced
   * it. `stop` gets the error if the transfer failed. Resolves with a function that the request must call when it is
   * done, or before it fails the transfer itself.
   */
  async claim(stop: (why?: BusError) => void): Promise<() => void> {
    this.#begun = true;
    const before = this.#request;
    let finish: () => void = () => {};
    const done = new Promise<void>((resolve) => (finish = resolve));
    const request = { stop, done };
    this.#request = request;
    before?.stop();
    await before?.done;
    if (!this.over) this.#idle.touch();
    return () => {
      if (this.#request === request) this.#request = undefined;
      finish();
    };
  }

  /** As `claim`, for a request for a part: others continue. Throws `busy` above 16 parts at once. */
  join(stop: (why?: BusError) => void): () => void {
    if (this.#beside.size >= mostBeside) throw transferError('busy');
    this.#begun = true;
    this.#beside.add(stop);
    if (!this.over) this.#idle.touch();
    return () => this.#beside.delete(stop);
  }

  take(receipt: Receipt): void {
    if (this.over) return;
    this.#resolve(receipt);
    this.#finish();
  }

  fail(error: BusError): void {
    if (this.over) return;
    this.#reject(error);
    void this.#pipeline?.fail(error).catch(() => {});
    this.#finish();
    this.#request?.stop(error);
    for (const stop of this.#beside) stop(error);
  }

  #finish(): void {
    this.#idle.stop();
    this.#receiving?.cancel();
    this.#over.abort();
  }
}

/** The bytes of a content that have left, as parts that do not touch, in order. */
class Coverage {
  #parts: { readonly start: number; readonly end: number }[] = [];

  /** `end` exclusive. */
  add(start: number, end: number): void {
    if (this.#parts.length >= mostParts) this.#parts = [];
    const apart = this.#parts.filter((part) => part.end < start || part.start > end);
    const joined = this.#parts.filter((part) => !apart.includes(part));
    const first = Math.min(start, ...joined.map((part) => part.start));
    const last = Math.max(end, ...joined.map((part) => part.end));
    this.#parts = [...apart, { start: first, end: last }].sort((one, other) => one.start - other.start);
  }

  /** Whether all bytes up to `size` have left. */
  reaches(size: number): boolean {
    const [first] = this.#parts;
    return size === 0 || (first !== undefined && first.start === 0 && first.end >= size);
  }
}
