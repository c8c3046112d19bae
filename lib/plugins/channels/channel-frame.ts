import { allocateShared, platformBytes } from '../../base/bytes.ts';

/** What the body of a frame is to the end that gets it. */
export const payloadKind = {
  /** Bytes, raised as `data`. */
  data: 0,
  /** A whole chunk, raised as `chunk`. */
  chunk: 1,
  /** A frame of busbar/rpc. */
  call: 2,
  /** Bytes of a joint peer, which do not say what they are. */
  stream: 3,
} as const;

export type PayloadKind = (typeof payloadKind)[keyof typeof payloadKind];

/** The user field of a broadcast that leaves nobody out. */
export const nobody = 0xff_ff;

/** What one sender may have on its way to one receiver that the receiver's session has not accepted. */
export const windowBytes = 524_288;
/** What a message costs besides its bytes, so that tiny ones count too. */
export const messageCost = 64;

const headerBytes = 7;
const broadcastBit = 0x80;

/**
 * A payload on its way through a channel, with the address before it as bus peers send it: kind (1 byte, bit 7 set for
 * broadcasts), channel number (4), user number (2), little endian. One frame does for every receiver of a broadcast.
 */
export class ChannelFrame {
  readonly kind: PayloadKind;
  readonly body: Uint8Array;
  readonly room: number;
  /** Who sent it, who is to get it, or with `toAll` who is not to (`nobody`: none). */
  readonly user: number;
  readonly toAll: boolean;
  #bytes: Uint8Array | undefined;

  constructor(kind: PayloadKind, room: number, user: number, toAll: boolean, body: Uint8Array, bytes?: Uint8Array) {
    this.kind = kind;
    this.room = room;
    this.user = user;
    this.toAll = toAll;
    this.body = body;
    this.#bytes = bytes;
  }

  /** Reads a frame in place; undefined if the bytes are not a frame. */
  static read(bytes: Uint8Array): ChannelFrame | undefined {
    if (bytes.length < headerBytes) return undefined;
    const first = byte(bytes, 0);
    const kind = kindOf(first & ~broadcastBit);
    if (kind === undefined) return undefined;
    const room = byte(bytes, 1) + byte(bytes, 2) * 0x1_00 + byte(bytes, 3) * 0x1_00_00 + byte(bytes, 4) * 0x1_00_00_00;
    const user = byte(bytes, 5) + byte(bytes, 6) * 0x1_00;
    const body = platformBytes(bytes).subarray(headerBytes);
    return new ChannelFrame(kind, room, user, first >= broadcastBit, body, bytes);
  }

  /** The same for a room that has another number elsewhere, as a copy. */
  inRoom(room: number): ChannelFrame {
    return new ChannelFrame(this.kind, room, this.user, this.toAll, this.body);
  }

  /** The header and the body in one run of bytes, made once. */
  get bytes(): Uint8Array {
    return (this.#bytes ??= write(this));
  }
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function kindOf(value: number): PayloadKind | undefined {
  return value === 0 || value === 1 || value === 2 || value === 3 ? value : undefined;
}

function write({ kind, room, user, toAll, body }: ChannelFrame): Uint8Array {
  const bytes = allocateShared(headerBytes + body.length);
  bytes[0] = toAll ? kind | broadcastBit : kind;
  for (let at = 0; at < 4; at += 1) bytes[1 + at] = room >>> (8 * at);
  bytes[5] = user;
  bytes[6] = user >>> 8;
  bytes.set(body, headerBytes);
  return bytes;
}
