import { BusError } from '../../base/errors.ts';
import type { Asker } from '../dialect.ts';

/** The fixed part of every native frame; `docs/protocol.md` has the layout. */
export const headerBytes = 12;

export const protocolVersion = 1;

/** How deep a body may nest for an end that does not say otherwise. */
export const usualDepth = 64;

/** Frame types. Those from `firstControlType` on are about the link and carry no sequence number. */
export const FrameType = {
  message: 1,
  request: 2,
  response: 3,
  failure: 4,
  cancel: 5,
  ping: 6,
  pong: 7,
  end: 8,
  open: 9,
  ack: 32,
  heartbeat: 33,
  heartbeatReply: 34,
  pause: 35,
  resume: 36,
  goingAway: 37,
} as const;

export const firstControlType = 32;

/** How a body is written: bits 0, 1 and 6 of the flags. */
export const Encoding = {
  none: 0,
  /** MessagePack with the record definitions of this lane and direction. */
  records: 1,
  /** MessagePack without records; the same bytes for every peer. */
  plain: 2,
  /** One byte that names the kind, then the bytes themselves. */
  raw: 3,
  /** One byte that names a contract of the sender's, then what it says. */
  contract: 0b100_0000,
  /** MessagePack with the record definitions that the server has for all of its peers. */
  shared: 0b100_0001,
  /** A list of two: the definitions that the peer lacks, as records without values, and such a body. */
  taught: 0b100_0010,
} as const;

export const encodingMask = 0b100_0011;

export const Flag = {
  /** Another frame of the same lane carries on with this body. */
  more: 0b100,
  /** The sender waits for the answer if there is an id, otherwise for the acknowledgement. */
  confirm: 0b1000,
  /** The body starts with a u32: the milliseconds the requester will wait. */
  deadline: 0b1_0000,
  /** Nobody waits for the answer any more: the body counts, and nothing is begun. Where it was cut, its last frame says so. */
  withdrawn: 0b10_0000,
  /** The trace context of who sends stands before the body, behind the deadline. */
  trace: 0b1000_0000,
} as const;

/** Bodies longer than this are cut, so that lanes can take turns; 64 KiB of binary data, with what stands before it, are not. */
export const chunkBytes = 65_536 + 64;

/** @throws BusError `ERR_TOO_LARGE` for a body of more bytes than the peer takes. */
export function checkBodySize(bodyBytes: number, most: number): void {
  if (bodyBytes > most) {
    throw new BusError('ERR_TOO_LARGE', `The message has ${bodyBytes} bytes, the peer accepts ${most}`);
  }
}

/** Whether somebody may wait for an answer to a frame of `type`. */
export function wantsAnswer(type: number): boolean {
  return type === FrameType.request || type === FrameType.ping || type === FrameType.message;
}

export function writeHeader(
  into: Uint8Array,
  at: number,
  bodyBytes: number,
  type: number,
  flags: number,
  lane: number,
  id: number,
): void {
  const length = headerBytes - 4 + bodyBytes;
  into[at] = length >>> 24;
  into[at + 1] = length >>> 16;
  into[at + 2] = length >>> 8;
  into[at + 3] = length;
  into[at + 4] = type;
  into[at + 5] = flags;
  into[at + 6] = lane >>> 8;
  into[at + 7] = lane;
  into[at + 8] = id >>> 24;
  into[at + 9] = id >>> 16;
  into[at + 10] = id >>> 8;
  into[at + 11] = id;
}

export function readUint32(from: Uint8Array, at: number): number {
  return (
    (from[at] as number) * 0x1000000 +
    (((from[at + 1] as number) << 16) | ((from[at + 2] as number) << 8) | (from[at + 3] as number))
  );
}

export function writeUint32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
}

/** The types of MessagePack extensions that bodies use, beside -1 for a Date. */
export const Extension = { undefined: 0, bigint: 0x42, error: 0x65, set: 0x73, binary: 0x74, regExp: 0x78 } as const;

/** The kinds of binary data in an extension: at their place what the same kind is called in a raw body. */
export const rawKinds: readonly (number | undefined)[] = (() => {
  const kinds: (number | undefined)[] = [3, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12];
  kinds[16] = 1;
  kinds[17] = 13;
  return kinds;
})();

/**
 * Brings the frame at `at` of `bytes` up to date: how long its answer is still waited for, and whether it is at all, if the
 * peer `knows` of requests that were withdrawn. `begins`: whether a body begins with it.
 */
export function amendFrame(bytes: Uint8Array, at: number, begins: boolean, asker: Asker, knows: boolean): void {
  const id = readUint32(bytes, at + 8);
  if (id === 0 || !wantsAnswer(bytes[at + 4] as number)) return;
  const flags = bytes[at + 5] as number;
  const left = asker.left(id);
  if (begins && (flags & Flag.deadline) !== 0) writeUint32(bytes, at + headerBytes, Math.max(0, left));
  if (left < 0 && knows && (flags & Flag.more) === 0) bytes[at + 5] = flags | Flag.withdrawn;
}
