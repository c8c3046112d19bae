import type { IncomingMessage } from 'node:http';
import { hasBody } from '../../transport/linger.ts';

export interface RequestBodyEvents {
  /** A chunk that is not the last. */
  chunk(bytes: Buffer): void;
  /** The last chunk, which may be empty; nothing follows. */
  finished(bytes: Buffer): void;
  /** More came than was allowed; nothing follows. */
  tooLarge(): void;
}

export interface BodyPace {
  readonly windowMs: number;
  readonly bytesPerSecond: number;
}

const nothing: Buffer = Buffer.alloc(0);
const nobody: ReadonlySet<string> = new Set();

/** The body of a request as it arrives: tells the last chunk from the others, and counts. */
export class RequestBody {
  readonly #request: IncomingMessage;
  readonly #events: RequestBodyEvents;
  readonly #maxBytes: number;
  /** What Content-Length says; undefined where the body is chunked. */
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

  /** All of it arrived, or it was given up. */
  get over(): boolean {
    return this.#over;
  }

  /** Begins to read; where there is no body, its end is told at once. */
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

  /** False once the sender fell behind the pace over a whole window; time in which it was paused does not count. */
  keepsPace(now: number, pace: BodyPace): boolean {
    if (this.#over || this.#pausers.size > 0 || now - this.#windowStart < pace.windowMs) return true;
    const due = Math.max(1, (pace.bytesPerSecond * (now - this.#windowStart)) / 1000);
    const kept = this.#windowBytes >= due;
    this.#windowStart = now;
    this.#windowBytes = 0;
    return kept;
  }

  /** Gives the rest up: it is read and thrown away. */
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
    if (this.#announced === undefined) setImmediate(() => this.#passOn(bytes));
    else if (this.#received < this.#announced) this.#passOn(bytes);
  }

  /** Gives `bytes` as a chunk unless it has become the last one: a read may bring the end of the body with it. */
  #passOn(bytes: Buffer): void {
    if (this.#over || this.#request.complete || this.#last !== bytes) return;
    this.#last = nothing;
    this.#events.chunk(bytes);
  }
}

function ignore(): void {}
