const wordBytes = 4;
const blockBytes = 64;
const rounds = 64;

/** The first 32 bits of the fractional parts of the roots of the first primes, as FIPS 180-4 has them. */
const squareRoots = new Uint32Array(8);
const cubeRoots = new Uint32Array(rounds);
for (let candidate = 2, found = 0; found < rounds; candidate++) {
  if (hasDivisor(candidate)) continue;
  if (found < squareRoots.length) squareRoots[found] = (candidate ** (1 / 2) % 1) * 2 ** 32;
  cubeRoots[found] = (candidate ** (1 / 3) % 1) * 2 ** 32;
  found += 1;
}

/** Stands in for `node:crypto` in web pages: SHA-256 of one short text. */
export function createHash(_algorithm: 'sha256'): Sha256 {
  return new Sha256();
}

class Sha256 {
  #text = '';

  update(text: string): this {
    this.#text += text;
    return this;
  }

  digest(_encoding: 'base64url'): string {
    const bytes = sha256(new TextEncoder().encode(this.#text));
    return btoa(String.fromCharCode(...bytes))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '');
  }
}

function sha256(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / blockBytes) * blockBytes);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
  const state = squareRoots.slice();
  for (let at = 0; at < padded.length; at += blockBytes) compress(state, view, at);
  const digest = new DataView(new ArrayBuffer(state.length * wordBytes));
  for (const [index, word] of state.entries()) digest.setUint32(index * wordBytes, word);
  return new Uint8Array(digest.buffer);
}

function compress(state: Uint32Array, block: DataView, start: number): void {
  const words = new Uint32Array(rounds);
  const word = (index: number): number => words[index] ?? 0;
  for (let t = 0; t < rounds; t++) {
    if (t < 16) words[t] = block.getUint32(start + t * wordBytes);
    else {
      const early = word(t - 15);
      const late = word(t - 2);
      const s0 = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3);
      const s1 = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10);
      words[t] = word(t - 16) + s0 + word(t - 7) + s1;
    }
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let t = 0; t < rounds; t++) {
    const chosen = (e & f) ^ (~e & g);
    const t1 = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + chosen + (cubeRoots[t] ?? 0) + word(t);
    const t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) >>> 0, c, b, a, (t1 + t2) >>> 0];
  }
  for (const [index, part] of [a, b, c, d, e, f, g, h].entries()) state[index] = (state[index] ?? 0) + part;
}

function turn(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

function hasDivisor(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) return true;
  return false;
}
