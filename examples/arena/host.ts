import type { OwnerEnd, Rooms } from '../../lib/plugins/channels/index.ts';
import { type Proxied, proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { type ArenaApi, height, type PlayerApi, type Score, type Welcome, width, writeSnapshot } from './contract.ts';
import type { Network } from './network.ts';

const tickMs = 50;
const coinCount = 15;

interface Figure {
  readonly name: string;
  readonly calls: Proxied<PlayerApi>;
  x: number;
  y: number;
  dx: number;
  dy: number;
  coins: number;
}

/** One arena: owns its channel, moves the figures and tells everybody. */
export class Host {
  readonly owner: OwnerEnd;
  /** Coins given out in all. */
  collected = 0;
  ticks = 0;
  readonly #figures = new Map<number, Figure>();
  #coins: { x: number; y: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  private constructor(owner: OwnerEnd) {
    this.owner = owner;
    remote(owner, (user: number) => this.#offer(user));
    owner.on('userDisconnect', (user) => this.#figures.delete(user));
  }

  static async open(rooms: Rooms, id: string, place: Network['place']): Promise<Host> {
    const host = new Host(await rooms.create(id, { ...place, maxUsers: 64 }));
    while (host.#coins.length < coinCount) host.#coins.push(anywhere());
    host.#timer = setInterval(() => host.#tick(), tickMs);
    return host;
  }

  /** Stops the game; what is under way still arrives. */
  stop(): void {
    clearInterval(this.#timer);
  }

  close(): void {
    this.stop();
    this.owner.close();
  }

  #offer(user: number): ArenaApi {
    return {
      join: (name) => this.#join(user, name),
      steer: (dx, dy) => {
        const figure = this.#figures.get(user);
        if (figure !== undefined) [figure.dx, figure.dy] = [Math.sign(dx), Math.sign(dy)];
      },
      scores: () => this.#scores(),
    };
  }

  #join(user: number, name: string): Welcome {
    if ([...this.#figures.values()].some((figure) => figure.name === name)) {
      throw Object.assign(new Error(`There is a ${name} in this arena already.`), { code: 'ERR_NAME_TAKEN' });
    }
    const figure: Figure = { name, calls: proxy<PlayerApi>(this.owner, user), ...anywhere(), dx: 0, dy: 0, coins: 0 };
    this.#figures.set(user, figure);
    return { x: figure.x, y: figure.y, coins: this.#coins.length };
  }

  #scores(): Score[] {
    const scores = Array.from(this.#figures.values(), ({ name, coins }) => ({ name, coins }));
    return scores.sort((a, b) => b.coins - a.coins);
  }

  #tick(): void {
    for (const figure of this.#figures.values()) {
      figure.x = (figure.x + figure.dx + width) % width;
      figure.y = (figure.y + figure.dy + height) % height;
      this.#collect(figure);
    }
    this.ticks += 1;
    const players = Array.from(this.#figures, ([user, { x, y }]) => ({ user, x, y }));
    void this.owner.broadcastChunk(writeSnapshot({ tick: this.ticks, players, coins: this.#coins }));
  }

  #collect(figure: Figure): void {
    const left = this.#coins.filter((coin) => coin.x !== figure.x || coin.y !== figure.y);
    const found = this.#coins.length - left.length;
    if (found === 0) return;
    this.#coins = left;
    while (this.#coins.length < coinCount) this.#coins.push(anywhere());
    figure.coins += found;
    this.collected += found;
    // One way: a player that is gone by now is no concern of the arena.
    figure.calls.$notify.collected(figure.coins).catch(() => undefined);
  }
}

function anywhere(): { x: number; y: number } {
  return { x: Math.floor(Math.random() * width), y: Math.floor(Math.random() * height) };
}
