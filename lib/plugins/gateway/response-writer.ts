import { type ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import { asBusError, BusError } from '../../base/errors.ts';

/** Bits of what the sending functions return. */
export const HttpSendStatus = {
  /** Nothing was taken: the request is unknown, gone, or answered in another way. */
  None: 0,
  /** Everything given was taken, and the client keeps up. */
  Sent: 1,
  /** The answer is complete. */
  Ended: 2,
  SentAndEnded: 3,
  /** The client is behind; `HTTP_CONNECTION_WRITABLE` follows, with the first byte to give (again). */
  Waiting: 4,
} as const;

export interface ResponseWriterEvents {
  /** The client has taken what waited for it, and the answer is not complete. */
  writable(): void;
}

const sliceBytes = 65_536;
const oneWriteBytes = 4096;

/** The answer to one request as it leaves, whole, in pieces, or as far as the client takes it. */
export class ResponseWriter {
  readonly #response: ServerResponse;
  readonly #maxBufferedBytes: number;
  readonly #events: ResponseWriterEvents;
  readonly #head = new ResponseHead();
  #mode: 'open' | 'pieces' | 'stream' | 'ended' = 'open';
  #total = 0;
  /** Bytes of the body that were taken so far. */
  #offset = 0;
  #waiting = false;

  constructor(response: ServerResponse, maxBufferedBytes: number, events: ResponseWriterEvents) {
    this.#response = response;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#events = events;
  }

  get offset(): number {
    return this.#offset;
  }

  get begun(): boolean {
    return this.#mode !== 'open';
  }

  get ended(): boolean {
    return this.#mode === 'ended';
  }

  writeStatus(status: string | number): boolean {
    if (this.begun) return false;
    this.#head.setStatus(status);
    return true;
  }

  writeHeader(name: string, value: string): boolean {
    if (this.begun) return false;
    this.#head.addField(name, value);
    return true;
  }

  /** @throws BusError `ERR_QUEUE_FULL` when more would wait for the client than may. */
  write(data: Buffer): number {
    if (this.#mode === 'stream' || this.#mode === 'ended') return HttpSendStatus.None;
    if (data.length === 0) return this.#waiting ? HttpSendStatus.Waiting : HttpSendStatus.Sent;
    if (this.#response.writableLength > 0 && this.#response.writableLength + data.length > this.#maxBufferedBytes) {
      throw new BusError('ERR_QUEUE_FULL', 'the client takes this answer too slowly');
    }
    if (this.#mode === 'open') this.#begin('pieces');
    this.#offset += data.length;
    if (this.#response.write(data)) return HttpSendStatus.Sent;
    this.#wait();
    return HttpSendStatus.Waiting;
  }

  /** Completes the answer; whatever the client cannot take yet is kept for it. */
  send(data: Buffer): number {
    if (this.#mode === 'stream' || this.#mode === 'ended') return HttpSendStatus.None;
    if (this.#mode === 'open') {
      // The platform counts only bodies that it sends.
      if (this.#response.req.method === 'HEAD') this.#response.setHeader('Content-Length', data.length);
      this.#begin('pieces');
    }
    this.#end(data);
    return HttpSendStatus.SentAndEnded;
  }

  /**
   * Sends what the client takes now. The first call fixes the length of the whole; after `Waiting` the rest is given
   * from the offset on.
   */
  stream(data: Buffer, total = data.length): number {
    if (this.#mode === 'pieces' || this.#mode === 'ended') return HttpSendStatus.None;
    if (this.#mode === 'open') {
      this.#total = total;
      this.#response.setHeader('Content-Length', total);
      this.#begin('stream');
    }
    if (data.length > this.#total - this.#offset) {
      throw new BusError('ERR_INVALID_ARGUMENT', `only ${this.#total - this.#offset} bytes of this answer are left`);
    }
    for (let at = 0; at < data.length && !this.#waiting; at += sliceBytes) {
      const slice = data.subarray(at, at + sliceBytes);
      this.#offset += slice.length;
      if (this.#offset === this.#total) break;
      if (!this.#response.write(slice)) this.#wait();
    }
    if (this.#offset < this.#total) return this.#waiting ? HttpSendStatus.Waiting : HttpSendStatus.Sent;
    this.#end(data.subarray(Math.floor((data.length - 1) / sliceBytes) * sliceBytes));
    return this.#response.writableLength === 0 ? HttpSendStatus.SentAndEnded : HttpSendStatus.Ended;
  }

  #wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#response.once('drain', () => {
      this.#waiting = false;
      if (!this.ended) this.#events.writable();
    });
  }

  #begin(mode: 'pieces' | 'stream'): void {
    this.#mode = mode;
    const response = this.#response;
    response.statusCode = this.#head.code;
    response.statusMessage = this.#head.reason;
    for (const [name, value] of this.#head.fields) response.appendHeader(name, value);
    // Persistence is what HTTP/1.1 means anyway; only its absence needs saying.
    if (response.shouldKeepAlive && response.req.httpVersion === '1.1') response.removeHeader('connection');
  }

  #end(last: Buffer): void {
    this.#mode = 'ended';
    // The platform sends a head and a short string in one write, a head and a Buffer in two.
    if (last.length <= oneWriteBytes) this.#response.end(last.toString('latin1'), 'latin1');
    else this.#response.end(last);
  }
}

/** Framing is the server's own affair: a field of these from a handler could only make it wrong. */
const ownFields = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive']);

/** Status and header fields of an answer before they leave, checked as they are set. */
export class ResponseHead {
  code = 200;
  reason = 'OK';
  readonly fields: [name: string, value: string][] = [];

  /** @throws BusError `ERR_INVALID_ARGUMENT` unless it is like `404 Not Found`, `404` or 404, from 200 to 599. */
  setStatus(status: string | number): void {
    const parts = /^([2-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(String(status));
    if (parts === null)
      throw new BusError('ERR_INVALID_ARGUMENT', `${JSON.stringify(status)} is no status of an answer`);
    this.code = Number(parts[1]);
    this.reason = parts[2] ?? STATUS_CODES[this.code] ?? '';
  }

  /** Adds a field; one of the same name stays. @throws BusError `ERR_INVALID_ARGUMENT` for what HTTP does not take. */
  addField(name: string, value: string): void {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch (error) {
      throw asBusError(error, 'ERR_INVALID_ARGUMENT');
    }
    if (typeof value !== 'string') throw new BusError('ERR_INVALID_ARGUMENT', `the value of ${name} is not a string`);
    if (ownFields.has(name.toLowerCase())) {
      throw new BusError('ERR_INVALID_ARGUMENT', `the server itself sets ${name}`);
    }
    this.fields.push([name, value]);
  }
}
