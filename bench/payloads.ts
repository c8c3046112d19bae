import { randomFillSync } from 'node:crypto';

/** The objects and bytes that every peer is measured with. */
export interface Payload {
  readonly name: string;
  /** Bytes as JSON, or of the binary data itself. */
  readonly bytes: number;
  readonly binary: boolean;
  /** A few values of the same shape, so that no peer profits from seeing one object over and over. */
  readonly values: readonly object[];
}

const variations = 64;

function move(n: number): object {
  return {
    type: 'move',
    player: 4_000 + n,
    x: 103.25 + n,
    y: -44.5 + n * 0.25,
    z: 7.125,
    hp: 87 - (n % 40),
    tick: 120_000 + n,
    team: 'red',
    crouched: n % 2 === 0,
  };
}

function objects(name: string, make: (n: number) => object): Payload {
  const values = Array.from({ length: variations }, (_, n) => make(n));
  return { name, bytes: JSON.stringify(values[0]).length, binary: false, values };
}

function binary(name: string, bytes: number): Payload {
  const data = Buffer.allocUnsafeSlow(bytes);
  randomFillSync(data);
  return { name, bytes, binary: true, values: [data] };
}

const makers: Record<string, () => Payload> = {
  tiny: () => objects('tiny', (n) => ({ n })),
  game: () => objects('game', move),
  '1k': () =>
    objects('1k', (n) => ({
      room: 'north',
      sent: 1_700_000_000 + n,
      moves: Array.from({ length: 9 }, (_, i) => move(n + i)),
    })),
  '64k': () => objects('64k', (n) => ({ room: 'north', moves: Array.from({ length: 590 }, (_, i) => move(n + i)) })),
  '64k-binary': () => binary('64k-binary', 65_536),
  '1m-binary': () => binary('1m-binary', 1_048_576),
  '4m-binary': () => binary('4m-binary', 4_194_304),
  '16m-binary': () => binary('16m-binary', 16_777_216),
};

export const payloadNames: readonly string[] = Object.keys(makers);

const made = new Map<string, Payload>();

export function payload(name: string): Payload {
  let found = made.get(name);
  if (found === undefined) {
    const make = makers[name];
    if (make === undefined) throw new Error(`There is no payload "${name}"`);
    found = make();
    made.set(name, found);
  }
  return found;
}
