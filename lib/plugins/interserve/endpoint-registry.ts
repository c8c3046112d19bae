import type { IncomingMessage } from 'node:http';
import { BusError } from '../../base/errors.ts';
import { checkSettings } from '../../base/options.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import { transferError } from './outcomes.ts';
import type { ValueKind } from './payload/payload.ts';
import type { Content, Way } from './protocol.ts';
import { ReceiverPipeline, type Sink, ValueSink } from './receive/pipeline.ts';
import { FileSink, StreamSink } from './receive/sinks.ts';

/** A transfer as its receiver sees it. */
export interface TransferInfo {
  /** The endpoint id. */
  readonly id: string;
  /** Whether a string or bytes were sent. */
  readonly kind: ValueKind;
  /** Bytes in all; undefined for a stream whose end is not known yet. */
  readonly size: number | undefined;
  /** The base name of a file that was sent, safe to join to a folder. */
  readonly name: string | undefined;
  /** In hexadecimal; undefined while a stream is still coming. */
  readonly sha256: string | undefined;
  /** `file` only: the final path of the file after the callback has succeeded. */
  readonly path?: string | undefined;
}

export type ReceiveAs = 'value' | 'stream' | 'file';

export interface ReceiveOptions {
  /** By default `value`. */
  readonly as?: ReceiveAs;
  /** For `file`: its destination. Without a path the file is temporary and is removed when the callback has settled. */
  readonly path?: string | ((info: TransferInfo, peer: PeerHandle) => string);
}

/** Decides on an upload before it starts; only `true` admits it. `size` is undefined for a stream of unknown length. */
export type Handshake = (peer: PeerHandle, size: number | undefined) => boolean | PromiseLike<boolean>;

export interface AddOptions {
  /** The most one transfer on this id may carry, in bytes; by default the plugin's option `size`. */
  readonly size?: number;
}

/** The request that an `interrupt` callback decides on. */
export interface TransferRequest {
  readonly id: string;
  readonly way: Way;
  readonly method: string;
  /** Bytes in all; undefined for a stream whose end is not known. */
  readonly size: number | undefined;
  /** The requester, behind trusted proxies if there are any. */
  readonly address: string;
  readonly headers: IncomingMessage['headers'];
}

export type Interrupt = (peer: PeerHandle, request: TransferRequest) => unknown;

export type Deliver = (data: unknown, info: TransferInfo, peer: PeerHandle) => unknown;

interface Receiver {
  readonly deliver: Deliver;
  readonly as: ReceiveAs;
  readonly path: ReceiveOptions['path'];
}

/** The receivers by endpoint id. */
export class Receivers {
  readonly #byId = new Map<string, Receiver>();

  /** Sets the receiver of `id`, or removes it. Throws `ERR_INVALID_ARGUMENT`. */
  set(id: string, deliver: Deliver | undefined, options: ReceiveOptions = {}): void {
    checkSettings('receive takes', ['as', 'path'], options);
    const { as = 'value', path } = options;
    if (deliver === undefined) {
      this.#byId.delete(id);
      return;
    }
    if (as !== 'value' && as !== 'stream' && as !== 'file') {
      throw new BusError(
        'ERR_INVALID_ARGUMENT',
        `A receiver gets a 'value', a 'stream' or a 'file', not ${String(as)}`,
      );
    }
    if (path !== undefined && as !== 'file') {
      throw new BusError('ERR_INVALID_ARGUMENT', "A path goes with as: 'file' only");
    }
    if (typeof path !== 'function' && path !== undefined) checkPath(path);
    this.#byId.set(id, { deliver, as, path });
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /**
   * The receiving end of a transfer, of at most `limit` bytes. Throws `unknown` if nobody receives on its id, or what a path
   * function throws.
   */
  pipeline(content: Content, peer: PeerHandle, limit: number): ReceiverPipeline {
    const receiver = this.#byId.get(content.id);
    if (receiver === undefined) throw transferError('unknown');
    return new ReceiverPipeline(sinkOf(receiver, { ...content, sha256: undefined }, peer), content.size, limit);
  }
}

function sinkOf({ deliver, as, path }: Receiver, info: TransferInfo, peer: PeerHandle): Sink {
  if (as === 'stream') return new StreamSink((stream) => deliver(stream, info, peer));
  const deliverWhole = (data: unknown, sha256: string) => deliver(data, { ...info, sha256 }, peer);
  if (as === 'value') return new ValueSink(info.kind, info.size, deliverWhole);
  const place = typeof path === 'function' ? checkPath(path(info, peer)) : path;
  const deliverFile = (file: string, sha256: string) => deliver(file, { ...info, sha256, path: place }, peer);
  return new FileSink(place, deliverFile);
}

/** Callbacks by endpoint id, which may be set before the id is added. */
export class Callbacks<Callback> {
  readonly #byId = new Map<string, Callback>();

  /** Sets the callback of `id`, or removes it. Throws `ERR_INVALID_ARGUMENT`. */
  set(id: string, callback: Callback | undefined): void {
    checkId(id);
    checkCallback(callback);
    if (callback === undefined) this.#byId.delete(id);
    else this.#byId.set(id, callback);
  }

  of(id: string): Callback | undefined {
    return this.#byId.get(id);
  }
}

/** The ids a server has endpoints for, and the callbacks that decide on them. */
export class EndpointRegistry {
  readonly receivers = new Receivers();
  readonly interrupts = new Callbacks<Interrupt>();
  readonly handshakes = new Callbacks<Handshake>();
  readonly #largest: number;
  readonly #sizes = new Map<string, number>();

  constructor(largest: number) {
    this.#largest = largest;
  }

  /** Adding an id again changes its size. Throws `ERR_INVALID_ARGUMENT`. */
  add(id: string, options: AddOptions = {}): void {
    checkId(id);
    checkSettings('add takes', ['size'], options);
    const { size = this.#largest } = options;
    if (!Number.isSafeInteger(size) || size < 0)
      throw new BusError('ERR_INVALID_ARGUMENT', 'A size must be a number of bytes');
    this.#sizes.set(id, size);
  }

  remove(id: string): boolean {
    return this.#sizes.delete(id);
  }

  exists(id: string): boolean {
    return this.#sizes.has(id);
  }

  /** The most a transfer on `id` may carry; undefined if there is no such endpoint. */
  sizeOf(id: string): number | undefined {
    return this.#sizes.get(id);
  }
}

/** Throws `ERR_INVALID_ARGUMENT` for anything but a path, such as a promise of one. */
function checkPath(path: unknown): string {
  if (typeof path === 'string' && path.length > 0 && !path.includes('\0')) return path;
  throw new BusError('ERR_INVALID_ARGUMENT', 'The path of a received file must be a string');
}

/** Throws `ERR_INVALID_ARGUMENT` for anything but an endpoint id. */
export function checkId(id: unknown): asserts id is string {
  if (typeof id !== 'string' || id.length === 0 || Buffer.byteLength(id) > 128) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'An endpoint id must be a string of 1 to 128 bytes');
  }
}

/** Throws `ERR_INVALID_ARGUMENT` for anything but a function or undefined. */
export function checkCallback(callback: unknown): void {
  if (callback !== undefined && typeof callback !== 'function') {
    throw new BusError('ERR_INVALID_ARGUMENT', 'A callback must be a function');
  }
}
