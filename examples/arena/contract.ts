import { BytesInput, BytesOutput } from '../../lib/plugins/channels/index.ts';

// What hosts and players call on each other, and the snapshot that a host sends to all of its players.

export const width = 40;
export const height = 12;

/** What a host offers to each of its players. */
export interface ArenaApi {
  /** Puts the player on the map; refuses a name that is taken there. */
  join(name: string): Welcome;
  /** Turns the player to one of the four directions, or stops it. */
  steer(dx: number, dy: number): void;
  /** The scores so far, best first. */
  scores(): readonly Score[];
}

/** What a player offers to its host. */
export interface PlayerApi {
  /** The player got a coin; `total` is what it has in this arena now. */
  collected(total: number): void;
}

export interface Welcome {
  readonly x: number;
  readonly y: number;
  readonly coins: number;
}

export interface Score {
  readonly name: string;
  readonly coins: number;
}

export interface Snapshot {
  /** Counts the snapshots of an arena from 1. */
  readonly tick: number;
  readonly players: readonly { readonly user: number; readonly x: number; readonly y: number }[];
  readonly coins: readonly { readonly x: number; readonly y: number }[];
}

export function writeSnapshot({ tick, players, coins }: Snapshot): Uint8Array {
  const output = new BytesOutput();
  output.writeInt32(tick);
  output.writeLength(players.length);
  for (const { user, x, y } of players) {
    output.writeByte(user);
    output.writeByte(x);
    output.writeByte(y);
  }
  output.writeLength(coins.length);
  for (const { x, y } of coins) {
    output.writeByte(x);
    output.writeByte(y);
  }
  return output.getBytes();
}

export function readSnapshot(bytes: Uint8Array): Snapshot {
  const input = new BytesInput(bytes);
  const tick = input.readInt32();
  const players = Array.from({ length: input.readLength() }, () => ({
    user: input.readByte(),
    x: input.readByte(),
    y: input.readByte(),
  }));
  const coins = Array.from({ length: input.readLength() }, () => ({ x: input.readByte(), y: input.readByte() }));
  return { tick, players, coins };
}
