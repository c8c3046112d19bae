/** Randomness as the library sees it, so that the specs can seed it. */
export interface Random {
  /** A number in [0, 1). Not for secrets. */
  unit(): number;
  /** `count` bytes fit for secrets. */
  bytes(count: number): Uint8Array;
}

/** The platform's own generators. */
export const systemRandom: Random = {
  unit: Math.random,
  bytes: (count) => globalThis.crypto.getRandomValues(new Uint8Array(count)),
};

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** 128 random bits, in the alphabet of base64url, six to a character. */
export function token(random: Random): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of random.bytes(16)) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += alphabet[(value >> bits) & 63];
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(value << (6 - bits)) & 63] : text;
}
