import type { Frame, RemoteFailure, RequestId } from './frames.ts';

/**
 * Writes frames into its slab; each method returns the bytes written, 0 where the dialect has no such frame or where the
 * frame was queued to be cut (see `LaneQueue`). A body that cannot be encoded throws `ERR_UNENCODABLE`, one over the
 * limit `ERR_TOO_LARGE`; the slab is then as it was, and the next frame is decodable.
 */
export interface Encoder {
  /** `id`: of one that is to be answered once it was handled; 0 for all others. */
  message(lane: number, data: unknown, confirm: boolean, id?: number): number;
  request(lane: number, id: number, data: unknown, timeoutMs: number | undefined): number;
  response(lane: number, id: RequestId, data: unknown): number;
  failure(lane: number, id: RequestId, error: RemoteFailure): number;
  cancel(lane: number, id: number): number;
  ping(id: number, data: unknown): number;
  pong(id: RequestId, data: unknown): number;
  end(reason: unknown, allowReconnect: boolean, code: string | undefined): number;
  /** Names `lane` for the peer; to be written before its first frame. */
  open(lane: number, name: string): number;
  /** A message encoded before, by `BroadcastEncoder`, for any number of peers. */
  encoded(lane: number, frame: EncodedMessage): number;

  ack(received: number): number;
  heartbeat(): number;
  heartbeatReply(): number;
  pause(): number;
  resume(): number;
  goingAway(): number;

  /**
   * Brings a frame that was written earlier, and is at `at` of `bytes`, up to date: how long its answer is still waited for,
   * or that it is not. `begins`: whether a body begins with it. Absent where nothing is written again.
   */
  amend?(bytes: Uint8Array, at: number, begins: boolean, asker: Asker): void;

  /** Bodies too large for one frame, waiting to be cut; undefined where the dialect cuts nothing. */
  readonly queue: LaneQueue | undefined;
}

/** Bodies waiting to be written chunk by chunk, the lanes taking turns. */
export interface LaneQueue {
  readonly bytes: number;
  /** Of the body that came last, in one frame. */
  readonly lastBytes?: number;
  /** How many of them are of this lane. */
  bytesOf(lane: number): number;
  /** Writes the next chunk, as `amend` would leave it; undefined when nothing waits. */
  writeChunk(
    asker?: Asker,
  ): { readonly lane: number; readonly bytes: number; readonly first: boolean; readonly last: boolean } | undefined;
}

/** What waits for answers to the encoded requests. */
export interface Asker {
  /** Milliseconds that the answer to request `id` is still waited for; negative when nobody waits for it. */
  left(id: number): number;
}

/** A message in the form that every peer of a dialect takes. */
export interface EncodedMessage {
  readonly data: unknown;
  /** The native frame, made when the first native peer needs it. */
  native?: BroadcastFrame;
  /** The same by the contract of the data, for peers that have it; null where the data does not fit. */
  contract?: BroadcastFrame | null;
  /** The same by the records of the server, for peers that take those; null where it is better without. */
  records?: RecordFrame | null;
  /** The net-ipc bodies by codec, made when the first peer needs them. */
  netIpc?: { json?: Uint8Array; messagepack?: Uint8Array };
}

/** A whole native frame, for all peers that call its lane by the same number; it is never written to again. */
export interface BroadcastFrame {
  readonly encoding: number;
  readonly lane: number;
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** What it costs to read, where that is much. */
  readonly cost: number;
  /** What was broadcast, as a peer reads it: made again each time, so that nobody needs to keep it. */
  readonly data: unknown;
}

/** A record definition that a server has for all of its peers. */
export interface Definition {
  readonly id: number;
  readonly keys: number;
  /** No other definition has the same. */
  readonly version: number;
  /** It as MessagePack has it, with no value for any of its keys. */
  readonly record: Uint8Array;
}

/** A frame for those who have the definitions that it needs. */
export interface RecordFrame extends BroadcastFrame {
  /** Those that held when it was made, its own among them: the same list for all frames until another one is made. */
  readonly definitions: readonly Definition[];
  /** What it defines itself. */
  readonly defines: readonly Definition[];
}

/** Takes a frame; false where no more is wanted for now. */
export type FrameSink = (frame: Frame) => unknown;

/** Most frames read in one go, however small they are: each may begin something. */
export const framesAtOnce = 1_024;

/**
 * Turns bytes into frames, however they were split. Knows bytes and limits only.
 */
export interface Decoder {
  /**
   * Calls `sink` for each whole frame in order, until it returns false or the cost limit of one go is reached; returns
   * how many of `bytes` were consumed. Invalid bytes throw a `BusError` (`ERR_PROTOCOL` or `ERR_TOO_LARGE`), after
   * which the decoder must not be fed again. Frames before the error were delivered.
   */
  feed(bytes: Uint8Array, sink: FrameSink): number;
  /** Forgets what a broken link left half received; undefined where a session is one link. */
  restart?(): void;
  /** Where true, the body of a ping that comes in parts is passed over, and nobody learns of it; absent where none does. */
  skipsPings?: () => boolean;
}
