import {
  any,
  bool,
  bytes,
  enumOf,
  f32,
  f64,
  i64,
  list,
  map,
  optional,
  struct,
  text,
  u16,
  u32,
} from '../../lib/struct/index.ts';
import { type AgreedContracts, OwnContracts, PeerContracts } from '../../lib/wire/contracts.ts';

const Move = struct('move', { player: u32, x: f64, y: f32, team: enumOf('red', 'blue'), crouched: bool });
const Room = struct('room', {
  name: text,
  moves: list(Move),
  scores: map(optional(u16)),
  icon: bytes,
  tags: list(list(text)),
  owner: optional(struct('owner', { id: i64, more: any })),
});

const own = new OwnContracts([Move.codec, Room.codec], 64);

/** Both ends have the same. */
export function agreedContracts(): AgreedContracts {
  return new PeerContracts(own).agree(own.hashes);
}

const move = { player: 7, x: -44.5, y: 0.5, team: 'red', crouched: true } as const;
const room = {
  name: 'north',
  moves: [move, { ...move, team: 'blue' as const }],
  scores: { a: 1, b: undefined, ü: 65_535 },
  icon: Buffer.from('icon'),
  tags: [[], ['a', 'a text that is long enough not to be a short one']],
  owner: { id: -1n, more: { list: [1, 'two', null] } },
};

/** Values by contracts. */
export const valuesByContract: readonly unknown[] = [
  Move.of(move),
  Room.of(room),
  Room.of({ ...room, moves: [], scores: {}, tags: [] }),
  Room.of({ ...room, icon: Buffer.alloc(70_000) }),
];
