import { join as pathOf } from 'node:path';
import { Server } from 'busbar';
import { journal } from 'busbar/journal';
import { callOptions } from 'busbar/rpc';
import { argumentsOf } from '../program.ts';
import type { Answers, Move, Offers, PlayersBus, Spawn, Trade, WorldReport } from './contract.ts';
import { keep, kept } from './kept.ts';
import { member, untilAnswered } from './member.ts';
import { Sequence, type SequenceState, sum } from './sequence.ts';
import { areaCount } from './settings.ts';

// The world server. Bots are clients of its own bus: what a bot does goes to its area, whichever zone has that, and into
// the snapshots that all bots see. The process that has the world hands it over to the one that follows.

/** What a world leaves to the process that has it next. */
interface WorldState {
  readonly port: number | undefined;
  readonly players: number;
  readonly moves: readonly (readonly [bot: number, moves: SequenceState])[];
  readonly areas: readonly { readonly sent: number; readonly ticks: SequenceState }[];
  readonly positions: readonly number[];
  readonly snapshots: number;
  readonly trades: number;
  readonly surveys: Answers;
  readonly pings: Answers;
}

const [place, folder] = argumentsOf('PLAYERS', 'FOLDER');
const { mine, join } = member();
const left = pathOf(folder, 'world-left');
const zones = mine.service<Offers['census']>('census');

class World {
  readonly #players: Server<PlayersBus>;
  readonly #areas;
  /** What areas have not confirmed. */
  readonly #commands = new Set<Promise<void>>();
  readonly #moves: Map<number, Sequence>;
  readonly #positions: number[];
  readonly #surveys;
  readonly #pings;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #rounds: Promise<void>[] = [];
  #snapshots: number;
  #trades: number;
  /** Snapshots wait until so many players are here: those of before come back one by one. */
  #awaited: number;

  private constructor(left: WorldState | undefined) {
    this.#areas = Array.from({ length: areaCount }, (_, area) => ({
      call: mine.service<Offers['area']>('area').key(String(area)).call,
      sent: left?.areas[area]?.sent ?? 0,
      ticks: new Sequence(left?.areas[area]?.ticks),
    }));
    this.#moves = new Map(left?.moves.map(([bot, moves]) => [bot, new Sequence(moves)]));
    this.#positions = [...(left?.positions ?? [])];
    this.#surveys = { asked: 0, answered: 0, ...left?.surveys };
    this.#pings = { asked: 0, answered: 0, ...left?.pings };
    this.#snapshots = left?.snapshots ?? 0;
    this.#trades = left?.trades ?? 0;
    this.#awaited = left?.players ?? 0;
    const where = place === 'tcp' ? { port: left?.port ?? 0 } : { path: place };
    this.#players = new Server<PlayersBus>({
      ...where,
      journal: journal(pathOf(folder, 'world')),
      closeTimeoutMs: 30_000,
    });
    // A move that was heard before the world changed hands may be heard again; where it is new, this world answers for it.
    this.#players.on('message', (move) => this.#move(move));
    // The bot has its answer when the area has the command.
    this.#players.handle(async (request) => {
      if (request.kind === 'trade') this.#trades += 1;
      await this.#command(request);
      return { area: request.bot % areaCount };
    });
  }

  static async open(left: WorldState | undefined): Promise<World> {
    const world = new World(left);
    await world.#players.start();
    world.#timers.push(setInterval(() => world.#snapshot(), 100));
    world.#timers.push(setInterval(() => world.#rounds.push(world.#askAround()), 500));
    return world;
  }

  address(): string {
    return this.#players.port === undefined ? (this.#players.address ?? '') : `tcp:${this.#players.address}`;
  }

  tick({ area, sequence }: { readonly area: number; readonly sequence: number }): void {
    this.#areas[area]?.ticks.add(sequence);
  }

  progress(): { moves: number; trades: number; snapshots: number } {
    return { moves: sum(this.#moves.values()).received, trades: this.#trades, snapshots: this.#snapshots };
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#rounds);
    await Promise.all(this.#commands);
    await Promise.all(this.#players.connections.map((connection) => connection.flush()));
  }

  report(): WorldReport {
    return {
      moves: sum([...this.#moves.values()].map((moves) => moves.tally)),
      ticks: sum(this.#areas.map(({ ticks }) => ticks.tally)),
      commandsSent: this.#areas.reduce((all, { sent }) => all + sent, 0),
      snapshots: this.#snapshots,
      surveys: this.#surveys,
      pings: this.#pings,
    };
  }

  /** Its players move to the next world, with what they are owed. */
  async close(): Promise<WorldState> {
    const { port } = this.#players;
    const players = Math.max(this.#awaited, this.#players.connections.length);
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#rounds);
    await this.#players.close(true);
    await Promise.all(this.#commands);
    return {
      port,
      players,
      moves: [...this.#moves].map(([bot, moves]) => [bot, moves.state] as const),
      areas: this.#areas.map(({ sent, ticks }) => ({ sent, ticks: ticks.state })),
      positions: this.#positions,
      snapshots: this.#snapshots,
      trades: this.#trades,
      surveys: this.#surveys,
      pings: this.#pings,
    };
  }

  #move(move: Move): void {
    let moves = this.#moves.get(move.bot);
    if (moves === undefined) this.#moves.set(move.bot, (moves = new Sequence()));
    if (!moves.add(move.sequence)) return;
    this.#positions[2 * move.bot] = move.x;
    this.#positions[2 * move.bot + 1] = move.y;
    // One that no area takes is missing where its area counts.
    this.#command(move).catch(() => {});
  }

  #snapshot(): void {
    if (this.#players.connections.length < this.#awaited) return;
    this.#awaited = 0;
    this.#snapshots += 1;
    void this.#players.broadcast({ kind: 'snapshot', sequence: this.#snapshots, positions: this.#positions });
  }

  #command(order: Move | Spawn | Trade): Promise<void> {
    const area = this.#areas[order.bot % areaCount];
    if (area === undefined) throw new Error(`There is no area for bot ${order.bot}`);
    area.sent += 1;
    const taken = area.call.take({ ...order, order: area.sent }, untilAnswered);
    const settled = taken.catch(() => {});
    this.#commands.add(settled);
    void settled.then(() => this.#commands.delete(settled));
    return taken;
  }

  /** Asks the zones how many bots they have, and everyone whether they are there. */
  async #askAround(): Promise<void> {
    const [populations, echoes] = await Promise.all([
      // On a machine that is too busy the hub may be late itself.
      zones.survey.population(callOptions({ timeout: 400 })).catch(() => [{ status: 'rejected' }]),
      this.#players.ping(undefined, 400),
    ]);
    note(this.#surveys, populations);
    note(this.#pings, echoes);
  }
}

function note(answers: { -readonly [Key in keyof Answers]: number }, results: readonly { status: string }[]): void {
  answers.asked += results.length;
  answers.answered += results.filter(({ status }) => status === 'fulfilled').length;
}

mine.own('world', {
  methods: ['address', 'tick', 'progress', 'stop', 'report'],
  open: async (_key, state) => World.open((state as WorldState | undefined) ?? (await kept<WorldState>(left))),
  close: async (world) => keep(left, await world.close()),
});
await join();
