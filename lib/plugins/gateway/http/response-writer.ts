import { type ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import { asBusError, BusError } from '../../../base/errors.ts';

/** Bits of the return value of the methods that send. */
export const HttpSendStatus = {
  /** Nothing was accepted: the request is unknown, gone, or answered in another way. */
  None: 0,
  /** Everything was accepted, and the client keeps up. */
  Sent: 1,
  /** The answer is complete. */
  Ended: 2,
  SentAndEnded: 3,
  /** The client is behind; `HTTP_CONNECTION_WRITABLE` follows, with the offset of the first byte to give (again). */
  Waiting: 4,
} as const;

export interface ResponseWriterEvents {
  /** The client has read everything written so far, and the answer is not complete. */
  writable(): void;
}

const sliceBytes = 65_536;
const oneWriteBytes = 4096;

/** Writes the answer to one request: whole, in pieces, or as fast as the client takes it. */
export class ResponseWriter {
  readonly #response: ServerResponse;
  readonly #maxBufferedBytes: number;
  readonly #events: ResponseWriterEvents;
  readonly #head = new ResponseHead();
  #mode: 'open' | 'pieces' | 'stream' | 'ended' = 'open';
  #total = 0;
  /** Bytes of the body that were accepted so far. */
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
      throw new BusError('ERR_QUEUE_FULL', 'The client reads this answer too slowly');
    }
    if (this.#mode === 'open') this.#begin('pieces');
    this.#offset += data.length;
    if (this.#response.write(data)) return HttpSendStatus.Sent;
    this.#wait();
    return HttpSendStatus.Waiting;
  }

  /** Completes the answer; what the client cannot take yet is buffered. */
  send(data: Buffer): number {
    if (this.#mode === 'stream' || this.#mode === 'ended') return HttpSendStatus.None;
    if (this.#mode === 'open') {
      // Node counts only bodies that it sends.
      if (this.#response.req.method === 'HEAD') this.#response.setHeader('Content-Length', data.length);
      this.#begin('pieces');
    }
    this.#end(data);
    return HttpSendStatus.SentAndEnded;
  }

  /**
   * Sends as much as the client takes now. The first call fixes the total length; after `Waiting` the rest has to be given
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
      throw new BusError('ERR_INVALID_ARGUMENT', `Only ${this.#total - this.#offset} bytes of this answer are left`);
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
    // HTTP/1.1 connections are persistent by default; only the opposite needs a field.
    if (response.shouldKeepAlive && response.req.httpVersion === '1.1') response.removeHeader('connection');
  }

  #end(last: Buffer): void {
    this.#mode = 'ended';
    // Node sends a head and a short string in one write, a head and a Buffer in two.
    if (last.length <= oneWriteBytes) this.#response.end(last.toString('latin1'), 'latin1');
    else this.#response.end(last);
  }
}

/** The server frames answers itself: these fields, set by a handler, could only contradict that. */
const ownFields = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive']);

/** Status and header fields of an answer, checked as they are set. */
export class ResponseHead {
  code = 200;
  reason = 'OK';
  readonly fields: [name: string, value: string][] = [];

  /** @throws BusError `ERR_INVALID_ARGUMENT` unless it is like `404 Not Found`, `404` or 404, and between 200 and 599. */
  setStatus(status: string | number): void {
    const parts = /^([2-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(String(status));
    if (parts === null) throw new BusError('ERR_INVALID_ARGUMENT', `${JSON.stringify(status)} is not a valid status`);
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
    if (typeof value !== 'string') throw new BusError('ERR_INVALID_ARGUMENT', `The value of ${name} must be a string`);
    if (ownFields.has(name.toLowerCase())) {
      throw new BusError('ERR_INVALID_ARGUMENT', `The server itself sets ${name}`);
    }
    this.fields.push([name, value]);
  }
}
