import type { IncomingMessage } from 'node:http';
import { hasBody } from '../../../transport/linger.ts';

export interface RequestBodyEvents {
  /** A chunk that is not the last. */
  chunk(bytes: Buffer): void;
  /** The last chunk, which may be empty; nothing follows. */
  finished(bytes: Buffer): void;
  /** The body is larger than allowed; nothing follows. */
  tooLarge(): void;
}

export interface BodyPace {
  readonly windowMs: number;
  readonly bytesPerSecond: number;
}

const nothing: Buffer = Buffer.alloc(0);
const nobody: ReadonlySet<string> = new Set();

/** The body of a request as it arrives: counts it, and tells the last chunk from the others. */
export class RequestBody {
  readonly #request: IncomingMessage;
  readonly #events: RequestBodyEvents;
  readonly #maxBytes: number;
  /** The Content-Length; undefined if the body is chunked. */
  readonly #announced: number | undefined;
  /** Those who asked for a pause. */
  #pausers: ReadonlySet<string> = nobody;
  #received = 0;
  #last: Buffer = nothing;
  #windowStart: number;
  #windowBytes = 0;
  #over = false;

  constructor(request: IncomingMessage, maxBytes: number, now: number, events: RequestBodyEvents) {
    this.#request = request;
    this.#events = events;
    this.#maxBytes = maxBytes;
    const length = request.headers['content-length'];
    this.#announced = length === undefined ? undefined : Number(length);
    this.#windowStart = now;
  }

  /** The whole body arrived, or the rest is discarded. */
  get over(): boolean {
    return this.#over;
  }

  /** Starts reading; without a body `finished` is called at once. */
  start(): void {
    if (!hasBody(this.#request.headers)) {
      this.#over = true;
      this.#request.resume();
      this.#events.finished(nothing);
      return;
    }
    this.#request.on('error', ignore);
    this.#request.on('data', (bytes: Buffer) => this.#take(bytes));
    this.#request.on('end', () => {
      if (this.#over) return;
      this.#over = true;
      const last = this.#last;
      this.#last = nothing;
      this.#events.finished(last);
    });
  }

  /** Stops reading until everyone who paused it has resumed it. */
  pause(who: string): void {
    this.#pausers = new Set([...this.#pausers, who]);
    if (!this.#over) this.#request.pause();
  }

  resume(who: string, now: number): void {
    if (!this.#pausers.has(who)) return;
    this.#pausers = new Set([...this.#pausers].filter((each) => each !== who));
    if (this.#pausers.size > 0 || this.#over) return;
    this.#windowStart = now;
    this.#windowBytes = 0;
    this.#request.resume();
  }

  /** False if the sender was slower than `pace` over a whole window; the time of pauses does not count. */
  keepsPace(now: number, pace: BodyPace): boolean {
    if (this.#over || this.#pausers.size > 0 || now - this.#windowStart < pace.windowMs) return true;
    const due = Math.max(1, (pace.bytesPerSecond * (now - this.#windowStart)) / 1000);
    const kept = this.#windowBytes >= due;
    this.#windowStart = now;
    this.#windowBytes = 0;
    return kept;
  }

  /** Reads the rest and throws it away. */
  discard(): void {
    this.#over = true;
    this.#last = nothing;
    this.#request.resume();
  }

  #take(bytes: Buffer): void {
    if (this.#over) return;
    this.#received += bytes.length;
    this.#windowBytes += bytes.length;
    if (this.#received > this.#maxBytes) {
      this.#over = true;
      this.#events.tooLarge();
      return;
    }
    if (this.#last.length > 0) this.#events.chunk(this.#last);
    this.#last = bytes;
    // The parser has seen the whole read by then; this waits for a turn, not for a time.
    if (this.#announced === undefined) setImmediate(() => this.#passOn(bytes));
    else if (this.#received < this.#announced) this.#passOn(bytes);
  }

  /** Passes `bytes` on unless they turned out to be the last chunk: one read may bring the end of the body too. */
  #passOn(bytes: Buffer): void {
    if (this.#over || this.#request.complete || this.#last !== bytes) return;
    this.#last = nothing;
    this.#events.chunk(bytes);
  }
}

function ignore(): void {}
