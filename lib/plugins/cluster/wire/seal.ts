import { createHmac, timingSafeEqual } from 'node:crypto';

const sealBytes = 16;

/** Proves that bytes were written by a node that has the secret; without a secret it adds and checks nothing. */
export class Seal {
  readonly #key: Uint8Array | undefined;
  /** What a seal takes at the end of a packet. */
  readonly bytes: number;

  constructor(key: Uint8Array | undefined) {
    this.#key = key;
    this.bytes = key === undefined ? 0 : sealBytes;
  }

  /** The seal for one purpose that both ends name alike. */
  derive(...purpose: readonly (string | Uint8Array)[]): Seal {
    if (this.#key === undefined) return this;
    const hmac = createHmac('sha256', this.#key);
    // The length before each part: no two lists of parts are one.
    for (const part of purpose) hmac.update(`${part.length}:`).update(part);
    return new Seal(hmac.digest());
  }

  /** Seals all of `packet` but its end, which is there for it. `context` is what the packet does not say of itself. */
  close(packet: Uint8Array, context: string): void {
    if (this.#key === undefined) return;
    const end = packet.length - sealBytes;
    packet.set(this.#of(this.#key, packet.subarray(0, end), context), end);
  }

  /** The packet without its seal; undefined where that is wrong. */
  open(packet: Uint8Array, context: string): Uint8Array | undefined {
    if (this.#key === undefined) return packet;
    const end = packet.length - sealBytes;
    if (end < 0) return undefined;
    const body = packet.subarray(0, end);
    return timingSafeEqual(packet.subarray(end), this.#of(this.#key, body, context)) ? body : undefined;
  }

  #of(key: Uint8Array, bytes: Uint8Array, context: string): Uint8Array {
    return createHmac('sha256', key).update(context).update('\n').update(bytes).digest().subarray(0, sealBytes);
  }
}
