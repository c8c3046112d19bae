import { ChunkDecoder } from '../../../../lib/plugins/channels/joint-bytes/chunks.ts';
import { chunkHeader } from '../../../../lib/plugins/channels/joint-bytes/chunks.ts';
import type { JointPeer } from './joint-peer.ts';

export type JointUnit =
  | { readonly type: 'reply'; readonly ok: boolean; readonly value: number }
  | { readonly type: 'event'; readonly kind: number }
  | { readonly type: 'data'; readonly joint: number; readonly user: number; readonly bytes: Uint8Array }
  | { readonly type: 'end' };

const maxChunkBytes = 32_768;

/** A joint peer that speaks in chunks, as an owner or as a user. */
export class JointClient {
  readonly #peer: JointPeer;
  readonly #decoders = new Map<number, ChunkDecoder>();

  constructor(peer: JointPeer) {
    this.#peer = peer;
  }

  close(): void {
    this.#peer.close();
  }

  create(id: string): void {
    this.#peer.write(Buffer.concat([Buffer.from([0, 0, 1, Buffer.byteLength(id)]), Buffer.from(id)]));
  }

  enter(id: string): void {
    this.#peer.write(Buffer.concat([Buffer.from([0, 1, 1, Buffer.byteLength(id)]), Buffer.from(id)]));
  }

  leave(joint: number): void {
    this.#peer.write(Buffer.from([0, 2, 0, 1, joint]));
  }

  remove(joint: number): void {
    this.#peer.write(Buffer.from([0, 3, 0, 1, joint]));
  }

  /** To the owner, or with `user` to a user. */
  sendChunk(joint: number, chunk: Uint8Array, user?: number): void {
    const address = user === undefined ? [joint] : [joint + 128, user];
    for (const part of [chunkHeader(chunk.length, maxChunkBytes), chunk]) {
      for (let at = 0; at < part.length; at += 32_765) this.#unit(address, part.subarray(at, at + 32_765));
    }
  }

  /** The next thing the relay says. */
  async next(): Promise<JointUnit> {
    const first = (await this.#peer.read(1))[0];
    if (first === undefined) return { type: 'end' };
    if (first === 0) return this.#said();
    const size = first < 128 ? first : (first - 128) * 256 + ((await this.#peer.read(1))[0] ?? 0);
    const unit = await this.#peer.read(size);
    if (unit.length < size) return { type: 'end' };
    const joint = unit[0] ?? 0;
    return joint < 128
      ? { type: 'data', joint, user: -1, bytes: unit.subarray(1) }
      : { type: 'data', joint: joint - 128, user: unit[1] ?? 0, bytes: unit.subarray(2) };
  }

  /** The chunks that these bytes complete; each user has a stream of its own. */
  chunks(user: number, bytes: Uint8Array): Uint8Array[] {
    const decoder = this.#decoders.get(user) ?? new ChunkDecoder(maxChunkBytes);
    this.#decoders.set(user, decoder);
    const whole: Uint8Array[] = [];
    decoder.feed(bytes, (chunk) => whole.push(Buffer.from(chunk)));
    return whole;
  }

  async #said(): Promise<JointUnit> {
    const length = (await this.#peer.read(1))[0] ?? 0;
    const [tag = 0, second = 0, value = 0, user = 0] = await this.#peer.read(length);
    if (tag !== 0) return { type: 'reply', ok: second === 0, value };
    // A number that is given anew belongs to somebody else, whose stream starts from its beginning.
    if (second === 0) this.#decoders.delete(user);
    return { type: 'event', kind: second };
  }

  #unit(address: readonly number[], bytes: Uint8Array): void {
    const size = bytes.length + address.length;
    const head = size < 128 ? [size] : [128 | (size >> 8), size & 255];
    this.#peer.write(Buffer.concat([Buffer.from([...head, ...address]), bytes]));
  }
}
