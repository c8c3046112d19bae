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

/** 128 random bits as base64url. */
export function token(random: Random): string {
  return btoa(String.fromCharCode(...random.bytes(16)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .slice(0, 22);
}

/** Whether two tokens are the same; takes as long wherever they differ. */
export function isSameToken(own: string, other: string): boolean {
  if (own.length !== other.length) return false;
  let difference = 0;
  for (let i = 0; i < own.length; i++) difference |= own.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}
