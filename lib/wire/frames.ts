import { BusError } from '../base/errors.ts';
import type { RemoteFailure } from '../base/failure.ts';

export type { RemoteFailure };

/**
 * What travels, in either dialect. Bodies arrive decoded. `size` is what the byte limits count: the length of the frame, or
 * of all frames of a body that was cut, before it was compressed.
 */
export type Frame =
  | MessageFrame
  | RequestFrame
  | ResponseFrame
  | FailureFrame
  | CancelFrame
  | PingFrame
  | PongFrame
  | EndFrame
  | OpenFrame
  | PartFrame
  | AckFrame
  | HeartbeatFrame
  | HeartbeatReplyFrame
  | PauseFrame
  | ResumeFrame
  | GoingAwayFrame;

/** Frames that carry a sequence number in a session: each is counted, acknowledged and, if need be, sent again. */
export type SequencedFrame = Exclude<Frame, ControlFrame>;

/** Frames about the link itself; they are lost with it. */
export type ControlFrame = AckFrame | HeartbeatFrame | HeartbeatReplyFrame | PauseFrame | ResumeFrame | GoingAwayFrame;

export interface MessageFrame {
  readonly type: 'message';
  readonly lane: number;
  readonly data: unknown;
  readonly confirm: boolean;
  /** Of a message that is to be answered once it was handled. */
  readonly id?: RequestId;
  readonly size: number;
  /** The trace context it belongs to, where its sender said one. */
  readonly trace?: Uint8Array;
}

export interface RequestFrame {
  readonly type: 'request';
  readonly lane: number;
  readonly id: RequestId;
  readonly data: unknown;
  /** Milliseconds the requester will wait; absent: it did not say. */
  readonly timeoutMs: number | undefined;
  readonly size: number;
  /** As of a message. */
  readonly trace?: Uint8Array;
}

export interface ResponseFrame {
  readonly type: 'response';
  readonly lane: number;
  readonly id: RequestId;
  readonly data: unknown;
  readonly size: number;
}

/** The answer of a handler that failed. net-ipc has no such packet; see `net-ipc/` for how it is told there. */
export interface FailureFrame {
  readonly type: 'failure';
  readonly lane: number;
  readonly id: RequestId;
  readonly error: RemoteFailure;
  readonly size: number;
}

export interface CancelFrame {
  readonly type: 'cancel';
  readonly lane: number;
  readonly id: RequestId;
  readonly size: number;
}

export interface PingFrame {
  readonly type: 'ping';
  readonly id: RequestId;
  readonly data: unknown;
  readonly size: number;
}

export interface PongFrame {
  readonly type: 'pong';
  readonly id: RequestId;
  readonly data: unknown;
  readonly size: number;
}

export interface EndFrame {
  readonly type: 'end';
  readonly reason: unknown;
  readonly allowReconnect: boolean;
  /** A code of `errorCodes` when the reason is one; net-ipc peers never send it. */
  readonly code: string | undefined;
  readonly size: number;
}

/** Names a lane before its first frame; each end numbers the lanes it sends on by itself. */
export interface OpenFrame {
  readonly type: 'open';
  readonly lane: number;
  readonly name: string;
  readonly size: number;
}

/** Part of a body that is not whole yet: to be counted, with nothing to hand on. */
export interface PartFrame {
  readonly type: 'part';
  readonly lane: number;
  readonly size: number;
}

export interface AckFrame {
  readonly type: 'ack';
  /** The number of sequenced frames of this session that were acknowledged so far. */
  readonly received: number;
  readonly size: number;
}

export interface HeartbeatFrame {
  readonly type: 'heartbeat';
  readonly size: number;
}

export interface HeartbeatReplyFrame {
  readonly type: 'heartbeat-reply';
  readonly size: number;
}

/** Asks the peer to hold back messages and requests on lane 0. */
export interface PauseFrame {
  readonly type: 'pause';
  readonly size: number;
}

export interface ResumeFrame {
  readonly type: 'resume';
  readonly size: number;
}

/** The sender is about to close: finish what is in flight, then move to the next server. */
export interface GoingAwayFrame {
  readonly type: 'going-away';
  readonly size: number;
}

/** What the requester chose, an integer in the native dialect and what net-ipc calls the nonce in its own. */
export type RequestId = number | string;

const longestLaneName = 128;

/** The body of an end. @throws BusError `ERR_PROTOCOL` */
export function asEnd(data: unknown, size: number): Frame {
  if (typeof data !== 'object' || data === null || !('allowReconnect' in data)) {
    throw new BusError('ERR_PROTOCOL', 'An end without its reason');
  }
  const code = 'code' in data && typeof data.code === 'string' ? data.code : undefined;
  const reason = 'reason' in data ? data.reason : undefined;
  return { type: 'end', reason, allowReconnect: data.allowReconnect === true, code, size };
}

/** The body of the frame that names a lane. @throws BusError `ERR_PROTOCOL` */
export function asLaneName(data: unknown): string {
  if (typeof data === 'string' && data.length > 0 && data.length <= longestLaneName) return data;
  throw new BusError('ERR_PROTOCOL', 'A lane without a name');
}
