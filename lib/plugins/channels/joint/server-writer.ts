import { chunkHeader } from '../joint-bytes/chunks.ts';

/** The longest unit: its size has 15 bits and counts the joint byte and, towards owners, the user byte. */
const maxUnit = 32_767;

/** Replies bear the tag of their request, 1 to 255; what bears 0 is an event. */
const eventTag = 0;

/** Why somebody is gone, as the wire says it; the numbers are not those of `Reason`. */
export const goneByte = { left: 0, lost: 1, kicked: 2 } as const;
export type GoneByte = (typeof goneByte)[keyof typeof goneByte];

/** Writes the relay's side of the joint protocol (`docs/joint-protocol.md`). Data is kept by reference until `take`. */
export class JointServerWriter {
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  get pendingBytes(): number {
    return this.#bytes;
  }

  /** Everything written since the last take. */
  take(): Uint8Array {
    const [only] = this.#pieces;
    const taken = this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [];
    this.#bytes = 0;
    return taken;
  }

  /** The answer to a create or enter: `value` is the joint number, or with `ok` false the error code. */
  reply(tag: number, ok: boolean, value: number): void {
    this.#message(tag, ok ? 0 : 1, value);
  }

  userConnect(joint: number, user: number): void {
    this.#message(eventTag, 0, joint, user);
  }

  userDisconnect(joint: number, user: number, why: GoneByte): void {
    this.#message(eventTag, 1, joint, user, why);
  }

  gone(joint: number, why: GoneByte): void {
    this.#message(eventTag, 2, joint, why);
  }

  keepAlive(): void {
    this.#message(eventTag, 255, 0, 0);
  }

  toOwner(joint: number, user: number, bytes: Uint8Array): void {
    this.#units([joint + 128, user], bytes);
  }

  toUser(joint: number, bytes: Uint8Array): void {
    this.#units([joint], bytes);
  }

  /** A chunk for `onDataChunk`; its header is a unit of its own, because peers raise only one chunk per unit. */
  chunkToOwner(joint: number, user: number, chunk: Uint8Array, maxChunkBytes: number): void {
    this.toOwner(joint, user, chunkHeader(chunk.length, maxChunkBytes));
    this.toOwner(joint, user, chunk);
  }

  chunkToUser(joint: number, chunk: Uint8Array, maxChunkBytes: number): void {
    this.toUser(joint, chunkHeader(chunk.length, maxChunkBytes));
    this.toUser(joint, chunk);
  }

  #message(...payload: number[]): void {
    this.#put(Buffer.from([0, payload.length, ...payload]));
  }

  #units(address: readonly number[], bytes: Uint8Array): void {
    const room = maxUnit - address.length;
    for (let at = 0; at < bytes.length; at += room) {
      const data = bytes.subarray(at, at + room);
      const size = data.length + address.length;
      this.#put(Buffer.from(size < 128 ? [size, ...address] : [128 | (size >> 8), size & 255, ...address]));
      this.#put(data);
    }
  }

  #put(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
  }
}
