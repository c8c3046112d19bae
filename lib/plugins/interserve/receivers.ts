import { BusError } from '../../base/errors.ts';
import { checkSettings } from '../../base/settings.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import type { ValueKind } from './payload/payload.ts';
import { FileSink } from './sink/file-sink.ts';
import type { Sink } from './sink/sink.ts';
import { StreamSink } from './sink/stream-sink.ts';
import { ValueSink } from './sink/value-sink.ts';

/** What is known of a transfer beside its content. */
export interface TransferInfo {
  /** The endpoint id. */
  readonly id: string;
  /** Whether a string or bytes were sent. */
  readonly kind: ValueKind;
  /** Bytes in all; undefined for a stream whose end is not known yet. */
  readonly size: number | undefined;
  /** The base name of a file that was sent, without anything that leads out of a directory. */
  readonly name: string | undefined;
  /** In hexadecimal; undefined while a stream is still coming. */
  readonly sha256: string | undefined;
  /** `file` only: where the file will be once the callback took it. */
  readonly path?: string | undefined;
}

export type ReceiveAs = 'value' | 'stream' | 'file';

export interface ReceiveOptions {
  /** `value` unless given. */
  readonly as?: ReceiveAs;
  /** For `file`: where it goes. Without a path the file is temporary and goes when the callback settled. */
  readonly path?: string | ((info: TransferInfo, peer: PeerHandle) => string);
}

export type Deliver = (data: unknown, info: TransferInfo, peer: PeerHandle) => unknown;

interface Receiver {
  readonly deliver: Deliver;
  readonly as: ReceiveAs;
  readonly path: ReceiveOptions['path'];
}

/** Who receives what, by endpoint id. */
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
        `A receiver takes a 'value', a 'stream' or a 'file', not ${String(as)}`,
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

  /** Where a transfer's bytes go; undefined if nobody receives on its id. Throws what a path function throws. */
  sink(info: TransferInfo, peer: PeerHandle): Sink | undefined {
    const receiver = this.#byId.get(info.id);
    if (receiver === undefined) return undefined;
    const { deliver, as, path } = receiver;
    if (as === 'stream') return new StreamSink((stream) => deliver(stream, info, peer));
    const deliverWhole = (data: unknown, sha256: string) => deliver(data, { ...info, sha256 }, peer);
    if (as === 'value') return new ValueSink(info.kind, info.size, deliverWhole);
    const place = typeof path === 'function' ? checkPath(path(info, peer)) : path;
    const deliverFile = (file: string, sha256: string) => deliver(file, { ...info, sha256, path: place }, peer);
    return new FileSink(place, deliverFile);
  }
}

/** Throws `ERR_INVALID_ARGUMENT` for anything else than a path, such as a promise of one. */
function checkPath(path: unknown): string {
  if (typeof path === 'string' && path.length > 0 && !path.includes('\0')) return path;
  throw new BusError('ERR_INVALID_ARGUMENT', 'The path of a file to be received is a string');
}
