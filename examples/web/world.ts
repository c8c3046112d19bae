/** A number from 0 to 1 across and down, whatever the size of the screen. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

/** What a player asks once: its number and colour. */
export interface Joined {
  readonly id: number;
  readonly hue: number;
}

/** What everybody is told, many times a second: the number, place and colour of all. */
export interface Snapshot {
  readonly tick: number;
  readonly players: readonly (readonly [id: number, x: number, y: number, hue: number])[];
}

interface Player extends Joined {
  x: number;
  y: number;
  goal: Place;
}

/** The share of its way to the goal that a player goes in one step. */
const stride = 0.12;

/** The world all share. */
export class World {
  readonly #players = new Map<string, Player>();
  #joined = 0;
  #tick = 0;

  get size(): number {
    return this.#players.size;
  }

  join(key: string): Joined {
    const known = this.#players.get(key);
    if (known !== undefined) return { id: known.id, hue: known.hue };
    this.#joined += 1;
    // The golden angle keeps neighbours in colour apart.
    const player = {
      id: this.#joined,
      hue: Math.round((this.#joined * 137.5) % 360),
      x: 0.5,
      y: 0.5,
      goal: { x: 0.5, y: 0.5 },
    };
    this.#players.set(key, player);
    return { id: player.id, hue: player.hue };
  }

  leave(key: string): void {
    this.#players.delete(key);
  }

  move(key: string, goal: unknown): void {
    const player = this.#players.get(key);
    if (player !== undefined && isPlace(goal)) player.goal = goal;
  }

  step(): Snapshot {
    this.#tick += 1;
    const players = [...this.#players.values()].map((player) => {
      player.x += (player.goal.x - player.x) * stride;
      player.y += (player.goal.y - player.y) * stride;
      return [player.id, round(player.x), round(player.y), player.hue] as const;
    });
    return { tick: this.#tick, players };
  }
}

function isPlace(value: unknown): value is Place {
  if (typeof value !== 'object' || value === null || !('x' in value) || !('y' in value)) return false;
  return [value.x, value.y].every((part) => typeof part === 'number' && part >= 0 && part <= 1);
}

function round(part: number): number {
  return Math.round(part * 10_000) / 10_000;
}
