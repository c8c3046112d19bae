import { Server } from 'busbar';
import { callOptions } from 'busbar/rpc';
import { argumentsOf } from '../program.ts';
import type { Answers, Move, Offers, PlayersBus, Spawn, Trade } from './contract.ts';
import { member, untilAnswered } from './member.ts';
import { Sequence, sum } from './sequence.ts';
import { areaCount } from './settings.ts';

// The world server. Bots are clients of its own bus: what a bot does goes to its area, whichever zone has that, and into
// the snapshots that all bots see.

const [place] = argumentsOf('PLAYERS');
const players = new Server<PlayersBus>(place === 'tcp' ? { port: 0 } : { path: place });
const { mine, join, ready } = member(() => players.close());
const areas = Array.from({ length: areaCount }, (_, area) => ({
  call: mine.service<Offers['area']>('area').key(String(area)).call,
  sent: 0,
  ticks: new Sequence(),
}));
const zones = mine.service<Offers['census']>('census');
/** What areas have not confirmed. */
const commands = new Set<Promise<void>>();
const botMoves = new Map<number, Sequence>();
const positions: number[] = [];
const surveys = { asked: 0, answered: 0 };
const pings = { asked: 0, answered: 0 };
let [snapshots, trades] = [0, 0];

players.on('message', (move) => {
  let moves = botMoves.get(move.bot);
  if (moves === undefined) botMoves.set(move.bot, (moves = new Sequence()));
  moves.add(move.sequence);
  positions[2 * move.bot] = move.x;
  positions[2 * move.bot + 1] = move.y;
  // One that no area takes is missing where its area counts.
  command(move).catch(() => {});
});

// The bot has its answer when the area has the command.
players.handle(async (request) => {
  if (request.kind === 'trade') trades += 1;
  await command(request);
  return { area: request.bot % areaCount };
});

const timers: NodeJS.Timeout[] = [];
const rounds: Promise<void>[] = [];

const world: Offers['world'] = {
  address: () => (players.port === undefined ? (players.address ?? '') : `tcp:${players.address}`),
  tick: ({ area, sequence }) => void areas[area]?.ticks.add(sequence),
  progress: () => ({ moves: sum(botMoves.values()).received, trades, snapshots }),
  async stop() {
    for (const timer of timers) clearInterval(timer);
    await Promise.all(rounds);
    await Promise.all(commands);
    await Promise.all(players.connections.map((connection) => connection.flush()));
  },
  report: () => ({
    moves: sum([...botMoves.values()].map((moves) => moves.tally)),
    ticks: sum(areas.map(({ ticks }) => ticks.tally)),
    commandsSent: areas.reduce((all, { sent }) => all + sent, 0),
    snapshots,
    surveys,
    pings,
  }),
};
mine.provide('world', world);
await join();
await players.start();
await ready();
timers.push(setInterval(snapshot, 100));
timers.push(setInterval(() => rounds.push(askAround()), 500));

function snapshot(): void {
  snapshots += 1;
  void players.broadcast({ kind: 'snapshot', sequence: snapshots, positions });
}

function command(order: Move | Spawn | Trade): Promise<void> {
  const area = areas[order.bot % areaCount];
  if (area === undefined) throw new Error(`There is no area for bot ${order.bot}`);
  area.sent += 1;
  const taken = area.call.take({ ...order, order: area.sent }, untilAnswered);
  const settled = taken.catch(() => {});
  commands.add(settled);
  void settled.then(() => commands.delete(settled));
  return taken;
}

/** Asks the zones how many bots they have, and everyone whether they are there. */
async function askAround(): Promise<void> {
  const [populations, echoes] = await Promise.all([
    // On a machine that is too busy the hub may be late itself.
    zones.survey.population(callOptions({ timeout: 400 })).catch(() => [{ status: 'rejected' }]),
    players.ping(undefined, 400),
  ]);
  note(surveys, populations);
  note(pings, echoes);
}

function note(answers: { -readonly [Key in keyof Answers]: number }, results: readonly { status: string }[]): void {
  answers.asked += results.length;
  answers.answered += results.filter(({ status }) => status === 'fulfilled').length;
}
