import { pack, unpack } from 'msgpackr';
import type { SeededRandom } from '../../lib/testing/seeded-random.ts';
import { Encoding, encodingMask, Flag, headerBytes } from '../../lib/wire/native/header.ts';
import { frame, packet } from '../support/stranger.ts';

const lengthBytes = 4;

/** What nobody expects, or hardly. */
const odd: readonly unknown[] = [
  ...[undefined, null, true, false, 0, 1, 2, 3, 7, 127, 128, 65_536, -1, 1.5, 2 ** 32, 2 ** 53, Number.NaN, Infinity],
  ...['', 'x', 'then', '__proto__', 'constructor', 'toString', '\ud800', 'x'.repeat(300), '/'.repeat(40)],
  ...[[], {}, [null], [[]], [0, 'echo', null], { op: 'stop' }, Buffer.alloc(0), Buffer.from('bytes'), 2n ** 60n],
];

/** `value` with one part of it changed: another one, one less, or one more. */
export function alter(value: unknown, random: SeededRandom): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || random.chance(0.15)) {
    return random.pick(odd);
  }
  if (Array.isArray(value)) {
    const items: unknown[] = [...value];
    const at = random.between(0, Math.max(0, items.length - 1));
    const what = random.between(0, 9);
    if (what === 0) items.splice(at, 1);
    else if (what === 1) items.splice(at, 0, random.pick(odd));
    else if (what === 2) items.splice(at, 0, items[at]);
    else items[at] = alter(items[at], random);
    return items;
  }
  const members = new Map(Object.entries(value));
  if (members.size === 0) return { x: random.pick(odd) };
  const name = random.pick([...members.keys()]);
  const what = random.between(0, 9);
  if (what === 0) members.delete(name);
  else if (what === 1) members.set(random.pick(['x', 'then', 'constructor']), random.pick(odd));
  else members.set(name, alter(members.get(name), random));
  return Object.fromEntries(members);
}

/** Native frames, in one piece, one by one. */
function framesIn(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 0; at < bytes.length; ) {
    const end = at + lengthBytes + view.getUint32(at);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

/** Undefined for what is no MessagePack, as after an earlier change. */
function read(body: Uint8Array): unknown {
  try {
    return unpack(body);
  } catch {
    return undefined;
  }
}

/** A frame with its body, its id, its lane, its flags or its type changed. */
function alteredFrame(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const type = bytes[4] as number;
  const flags = bytes[5] as number;
  const lane = view.getUint16(6);
  const id = view.getUint32(8);
  const body = bytes.subarray(headerBytes);
  const small = random.between(0, 24);
  switch (random.between(0, 9)) {
    case 0:
      return frame(type, flags, lane, small, body);
    case 1:
      return frame(type, flags, small % 8, id, body);
    case 2:
      return frame(small < 12 ? small : small + 20, flags, lane, id, body);
    case 3:
      return frame(type, flags ^ (1 << random.between(0, 7)), lane, id, body);
    default: {
      const value = (flags & encodingMask) === Encoding.plain && (flags & Flag.deadline) === 0 ? read(body) : undefined;
      if (value === undefined) return frame(type, Encoding.plain, lane, id, pack(random.pick(odd)));
      return frame(type, flags, lane, id, pack(alter(value, random)));
    }
  }
}

/** One of `sessions`, of native frames, with one to six of them changed, left out, said twice or said at another time. */
export function alterFrames(sessions: readonly Uint8Array[], random: SeededRandom): Uint8Array {
  const frames = framesIn(random.pick(sessions));
  for (let changes = random.between(1, 6); changes > 0; changes--) {
    const at = random.between(0, frames.length - 1);
    const chosen = frames[at] as Uint8Array;
    switch (random.between(0, 9)) {
      case 0:
        if (frames.length > 1) frames.splice(at, 1);
        break;
      case 1:
        frames.splice(random.between(0, frames.length), 0, chosen);
        break;
      case 2:
        frames.splice(at, 1);
        frames.splice(random.between(0, frames.length), 0, chosen);
        break;
      default:
        frames[at] = alteredFrame(chosen, random);
    }
  }
  return Buffer.concat(frames);
}

/** Some of the `bodies` of net-ipc packets, which are JSON, each changed, as packets of either codec. */
export function alterPackets(
  messagepack: boolean,
): (bodies: readonly Uint8Array[], random: SeededRandom) => Uint8Array {
  return (bodies, random) => {
    const packets = Array.from({ length: random.between(1, 6) }, () => {
      const value: unknown = JSON.parse(Buffer.from(random.pick(bodies)).toString());
      const altered = random.chance(0.5) ? alter(value, random) : value;
      if (messagepack) return packet(pack(altered));
      const text = JSON.stringify(altered, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part));
      return packet(Buffer.from(text ?? ''));
    });
    return Buffer.concat(packets);
  };
}
