import { bool, enumOf, f64, list, struct, type StructValue, u32 } from '../lib/struct/index.ts';

/** The 100-byte game object. */
export const Move = struct('move', {
  type: enumOf('move'),
  player: u32,
  x: f64,
  y: f64,
  z: f64,
  hp: u32,
  tick: u32,
  team: enumOf('red', 'blue'),
  crouched: bool,
});
const Tiny = struct('tiny', { n: u32 });
const Room = struct('room', { room: enumOf('north'), sent: f64, moves: list(Move) });
const Bulk = struct('bulk', { room: enumOf('north'), moves: list(Move) });

export const contracts = [Move, Tiny, Room, Bulk];

/** An object of `payloads.ts` by its contract; other data as it is. */
export function byContract(data: object): object {
  const struct =
    'type' in data ? Move : 'n' in data ? Tiny : 'sent' in data ? Room : 'moves' in data ? Bulk : undefined;
  return struct === undefined ? data : (struct.of as (value: object) => StructValue<unknown>)(data);
}
