import { allocateShared, platformBytes } from '../../../base/bytes.ts';

/** What the bytes of a parcel are to the end that gets them. */
export const cargo = {
  /** Bytes, raised as `data`. */
  data: 0,
  /** A whole chunk, raised as `chunk`. */
  chunk: 1,
  /** A frame of busbar/rpc. */
  call: 2,
  /** Bytes of a joint peer, which do not say what they are. */
  stream: 3,
} as const;

export type Cargo = (typeof cargo)[keyof typeof cargo];

/** The user field of a broadcast that leaves nobody out. */
export const nobody = 0xff_ff;

const headerBytes = 7;
const broadcastBit = 0x80;

/**
 * Bytes on their way through a channel, with the address before them as bus peers send it: kind (1 byte, bit 7 set for
 * broadcasts), channel number (4), user number (2), little endian. One frame does for every receiver of a broadcast.
 */
export class Parcel {
  readonly kind: Cargo;
  readonly body: Uint8Array;
  readonly room: number;
  /** Who sent it, who is to get it, or with `toAll` who is not to (`nobody`: none). */
  readonly user: number;
  readonly toAll: boolean;
  #frame: Uint8Array | undefined;

  constructor(kind: Cargo, room: number, user: number, toAll: boolean, body: Uint8Array, frame?: Uint8Array) {
    this.kind = kind;
    this.room = room;
    this.user = user;
    this.toAll = toAll;
    this.body = body;
    this.#frame = frame;
  }

  /** Reads a frame in place; undefined if it is none. */
  static read(frame: Uint8Array): Parcel | undefined {
    if (frame.length < headerBytes) return undefined;
    const first = byte(frame, 0);
    const kind = kindOf(first & ~broadcastBit);
    if (kind === undefined) return undefined;
    const room = byte(frame, 1) + byte(frame, 2) * 0x1_00 + byte(frame, 3) * 0x1_00_00 + byte(frame, 4) * 0x1_00_00_00;
    const user = byte(frame, 5) + byte(frame, 6) * 0x1_00;
    return new Parcel(kind, room, user, first >= broadcastBit, platformBytes(frame).subarray(headerBytes), frame);
  }

  /** The header and the body in one run of bytes, made once. */
  get frame(): Uint8Array {
    return (this.#frame ??= write(this));
  }
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function kindOf(value: number): Cargo | undefined {
  return value === 0 || value === 1 || value === 2 || value === 3 ? value : undefined;
}

function write({ kind, room, user, toAll, body }: Parcel): Uint8Array {
  const frame = allocateShared(headerBytes + body.length);
  frame[0] = toAll ? kind | broadcastBit : kind;
  for (let at = 0; at < 4; at += 1) frame[1 + at] = room >>> (8 * at);
  frame[5] = user;
  frame[6] = user >>> 8;
  frame.set(body, headerBytes);
  return frame;
}
