/** FNV-1a of 32 bits. */
export function hashOf(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

/** Who may be chosen: `hash` is of its name. */
export interface Candidate {
  readonly hash: number;
  readonly weight: number;
}

/**
 * The one of `candidates` that a key belongs to, by weighted rendezvous hashing: each gets its share by weight, and one that
 * comes or goes moves only the keys it gets or had. undefined where there is none.
 */
export function rendezvous<One extends Candidate>(keyHash: number, candidates: readonly One[]): One | undefined {
  let best: One | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    // Exponentially distributed with its weight as the rate: the first one to come.
    const time = -Math.log(unit(keyHash, candidate.hash)) / candidate.weight;
    if (time >= least) continue;
    least = time;
    best = candidate;
  }
  return best;
}

/** Of a key and a member, in (0, 1]: two rounds of a mixer, without which names that differ in one letter go together. */
function unit(key: number, member: number): number {
  let mixed = key ^ Math.imul(member, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  mixed ^= mixed >>> 15;
  return ((mixed >>> 0) + 1) / 4_294_967_296;
}
