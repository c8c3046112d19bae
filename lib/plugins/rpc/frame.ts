import { Packr, Unpackr } from 'msgpackr';
import { BusError } from '../../base/errors.ts';
import { checkDepth } from '../../wire/native/msgpack-depth.ts';
import type { Fingerprints } from './contract.ts';
import type { Reference } from './references.ts';

/** The first element of each frame; the others follow as the types below say (`docs/rpc.md`, "On the wire"). */
export const kind = {
  call: 0,
  notify: 1,
  result: 2,
  failure: 3,
  cancel: 4,
  release: 5,
  item: 6,
  end: 7,
  credit: 8,
  stop: 9,
  contract: 10,
} as const;

/** `remote` is the object's id, or null: then `method` is the number of a callback. */
export type RpcFrame =
  | readonly [
      kind: 0,
      id: number,
      remote: number | null,
      method: string | number,
      args: readonly unknown[],
      refs?: readonly Reference[],
    ]
  | readonly [
      kind: 1,
      remote: number | null,
      method: string | number,
      args: readonly unknown[],
      refs?: readonly Reference[],
    ]
  | readonly [kind: 2, id: number, value: unknown, refs?: readonly Reference[]]
  | readonly [kind: 3, id: number, code: string, message: string, details?: unknown]
  | readonly [kind: 4, id: number]
  | readonly [kind: 5, callback: number]
  | readonly [kind: 6, stream: number, value: unknown]
  | readonly [kind: 7, stream: number, code?: string, message?: string]
  | readonly [kind: 8, stream: number, items: number]
  | readonly [kind: 9, stream: number]
  | readonly [kind: 10, remote: number, hash: string, prints: Fingerprints];

const maxDepth = 64;

/** Frames as bytes, for channels: plain MessagePack, since the relay between has no part in it. */
export class FrameCodec {
  readonly #packr = new Packr({ useRecords: false, variableMapSize: true });
  readonly #unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, copyBuffers: true });

  /** @throws BusError `ERR_UNENCODABLE`. */
  write(frame: RpcFrame): Uint8Array {
    try {
      return this.#packr.pack(frame);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new BusError('ERR_UNENCODABLE', `The call cannot be encoded: ${message}`, { cause });
    }
  }

  /** What the bytes hold, a frame or not. @throws BusError `ERR_PROTOCOL` for bytes that hold nothing. */
  read(bytes: Uint8Array): unknown {
    checkDepth(bytes, 0, bytes.length, maxDepth);
    try {
      return this.#unpackr.unpack(bytes);
    } catch (cause) {
      throw new BusError('ERR_PROTOCOL', 'A call is not valid MessagePack.', { cause });
    }
  }
}

export function isFrame(frame: unknown): frame is RpcFrame {
  if (!Array.isArray(frame)) return false;
  const [first, second, third, fourth, fifth] = frame as readonly unknown[];
  switch (first) {
    case kind.call:
      return isNumber(second) && isTarget(third, fourth) && Array.isArray(fifth);
    case kind.notify:
      return isTarget(second, third) && Array.isArray(fourth);
    case kind.failure:
      return isNumber(second) && typeof third === 'string' && typeof fourth === 'string';
    case kind.credit:
      return isNumber(second) && isNumber(third);
    case kind.contract:
      return isNumber(second) && typeof third === 'string' && typeof fourth === 'object' && fourth !== null;
    case kind.result:
    case kind.cancel:
    case kind.release:
    case kind.item:
    case kind.end:
    case kind.stop:
      return isNumber(second);
    default:
      return false;
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

function isTarget(remote: unknown, method: unknown): boolean {
  return remote === null ? isNumber(method) : isNumber(remote) && typeof method === 'string';
}
