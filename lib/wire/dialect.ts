import type { Frame, RemoteFailure, RequestId } from './frames.ts';

/**
 * Writes frames into its slab; each method returns the bytes written. A body that cannot be encoded throws
 * `ERR_UNENCODABLE`, one over the limit `ERR_TOO_LARGE`; the slab is then as it was, and the next frame is decodable.
 */
export interface Encoder {
  message(lane: number, data: unknown, confirm: boolean): number;
  request(lane: number, id: number, data: unknown, timeoutMs: number | undefined): number;
  response(lane: number, id: RequestId, data: unknown): number;
  failure(lane: number, id: RequestId, error: RemoteFailure): number;
  ping(id: number, data: unknown): number;
  pong(id: RequestId, data: unknown): number;
  end(reason: unknown, allowReconnect: boolean, code: string | undefined): number;
}

/**
 * Turns bytes into frames, however they were split. Knows bytes and limits only.
 */
export interface Decoder {
  /**
   * Calls `sink` for each whole frame in order. Invalid bytes throw a `BusError` (`ERR_PROTOCOL` or `ERR_TOO_LARGE`),
   * after which the decoder is not to be fed again. Frames before the error were delivered.
   */
  feed(bytes: Uint8Array, sink: (frame: Frame) => void): void;
}
