import type { Rooms, UserEnd } from '../../lib/plugins/channels/index.ts';
import { type Proxied, proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { type ArenaApi, height, type PlayerApi, readSnapshot, type Snapshot, width } from './contract.ts';
import type { Network } from './network.ts';
import type { Tally } from './tally.ts';

/** One who plays, in one arena at a time: a bot, unless somebody steers it. */
export class Player {
  readonly name: string;
  readonly #rooms: Rooms;
  readonly #place: Network['place'];
  readonly #tally: Tally;
  #end: UserEnd | undefined;
  #arena: Proxied<ArenaApi> | undefined;
  #tick = 0;
  /** Somebody's hand; without it the player runs to the nearest coin. */
  steered = false;
  /** Shows what the player sees. */
  watch: (snapshot: Snapshot, user: number) => void = () => undefined;

  constructor(name: string, rooms: Rooms, place: Network['place'], tally: Tally) {
    this.name = name;
    this.#rooms = rooms;
    this.#place = place;
    this.#tally = tally;
  }

  /** Goes into an arena, out of the one it was in. */
  async enter(id: string): Promise<void> {
    this.#end?.leave();
    const end = await this.#rooms.enter(id, this.#place);
    this.#end = end;
    this.#tick = 0;
    const api: PlayerApi = {
      collected: () => {
        this.#tally.collected += 1;
      },
    };
    remote(end, api);
    const arena = proxy<ArenaApi>(end);
    this.#arena = arena;
    end.on('chunk', (bytes) => this.#see(readSnapshot(bytes), end));
    await this.#tally.time(() => arena.join(this.name));
    this.#tally.entered += 1;
  }

  /** The best of the arena, as its host says. */
  async best(): Promise<string> {
    const [best] = (await this.#tally.time(() => this.#arena?.scores() ?? Promise.resolve([]))) ?? [];
    return best === undefined ? 'nobody' : `${best.name} with ${best.coins}`;
  }

  steer(dx: number, dy: number): void {
    this.#tally.steps += 1;
    this.#arena?.$notify.steer(dx, dy).catch(() => undefined);
  }

  leave(): void {
    this.#end?.leave();
  }

  #see(snapshot: Snapshot, end: UserEnd): void {
    if (end !== this.#end) return;
    if (this.#tick > 0 && snapshot.tick !== this.#tick + 1) this.#tally.lost += 1;
    this.#tick = snapshot.tick;
    this.#tally.snapshots += 1;
    this.watch(snapshot, end.user);
    const me = snapshot.players.find(({ user }) => user === end.user);
    if (me !== undefined && !this.steered) this.#hunt(me, snapshot);
  }

  #hunt(me: { readonly x: number; readonly y: number }, { coins }: Snapshot): void {
    const [nearest] = coins
      .map((coin) => ({ dx: around(coin.x - me.x, width), dy: around(coin.y - me.y, height) }))
      .sort((a, b) => Math.abs(a.dx) + Math.abs(a.dy) - Math.abs(b.dx) - Math.abs(b.dy));
    if (nearest === undefined) return;
    if (nearest.dx !== 0) this.steer(nearest.dx, 0);
    else this.steer(0, nearest.dy);
  }
}

/** The shorter way on a map whose edges meet. */
function around(distance: number, size: number): number {
  if (distance > size / 2) return distance - size;
  return distance < -size / 2 ? distance + size : distance;
}
