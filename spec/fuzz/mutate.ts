import type { SeededRandom } from '../../lib/testing/seeded-random.ts';

const interesting = [0, 1, 4, 8, 12, 0x7f, 0x80, 0xc0, 0xc1, 0xc7, 0xdb, 0xdd, 0xdf, 0xff];
const lengths = [0, 1, 7, 8, 11, 12, 0xffff, 0x1_0000, 0x1_0008, 0x10_0000, 0x7fff_ffff, 0xffff_ffff];

/** One of `corpus` with one to six changes, as `random` says. */
export function mutate(corpus: readonly Uint8Array[], random: SeededRandom): Uint8Array {
  const chosen = random.pick(corpus);
  const most = chosen.length > 2_000 && random.chance(0.97) ? 2_000 : chosen.length;
  let bytes: Uint8Array = new Uint8Array(chosen.subarray(0, most));
  for (let changes = random.between(1, 6); changes > 0; changes--) bytes = change(bytes, corpus, random);
  return bytes;
}

function change(bytes: Uint8Array, corpus: readonly Uint8Array[], random: SeededRandom): Uint8Array {
  if (bytes.length === 0) return random.bytes(random.between(1, 32));
  const at = random.between(0, bytes.length - 1);
  switch (random.between(0, 7)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << random.between(0, 7));
      return bytes;
    case 1:
      bytes[at] = random.pick(interesting);
      return bytes;
    case 2:
      bytes[at] = random.between(0, 255);
      return bytes;
    case 3:
      return bytes.slice(0, at);
    case 4:
      // A length, at a place where there may be one.
      if (at + 4 <= bytes.length) new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, random.pick(lengths));
      return bytes;
    case 5:
      return joined(bytes.slice(0, at), random.bytes(random.between(1, 8)), bytes.slice(at));
    case 6: {
      const to = Math.min(bytes.length, at + random.between(1, 64));
      return joined(bytes.slice(0, to), bytes.slice(at));
    }
    default: {
      const other = random.pick(corpus);
      const from = random.between(0, other.length - 1);
      return joined(bytes.slice(0, at), other.slice(from, from + 500));
    }
  }
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** `bytes` in one to four pieces, cut anywhere. */
export function* pieces(bytes: Uint8Array, random: SeededRandom): Generator<Uint8Array> {
  let from = 0;
  for (let cuts = random.between(0, 3); cuts > 0 && from < bytes.length; cuts--) {
    const to = random.between(from, bytes.length);
    yield bytes.subarray(from, to);
    from = to;
  }
  yield bytes.subarray(from);
}
