import { Server, type ServerOptions } from 'busbar';
import { argumentsOf } from '../program.ts';
import { ConfirmedLine } from './confirmed-line.ts';
import type { Answers, Command, Move, PlayersBus, Spawn, Trade, ZonesBus } from './contract.ts';
import { join } from './control.ts';
import { Sequence, sum } from './sequence.ts';
import { zoneCount } from './settings.ts';

// The world server. Bots are clients of one bus, zones of another: what a bot does goes to its zone, what zones say goes
// into the snapshots that all bots see.

const [control, players, zones] = argumentsOf('CONTROL', 'PLAYERS', 'ZONES');
const world = { players: new Server<PlayersBus>(place(players)), zones: new Server<ZonesBus>(place(zones)) };
const zoneLines = Array.from({ length: zoneCount }, () => ({ line: new ConfirmedLine<Command>(), sent: 0 }));
const zoneTicks = Array.from({ length: zoneCount }, () => new Sequence());
const botMoves = new Map<number, Sequence>();
const positions: number[] = [];
const surveys = { asked: 0, answered: 0 };
const pings = { asked: 0, answered: 0 };
let [snapshots, trades] = [0, 0];

world.players.on('message', (move) => {
  let moves = botMoves.get(move.bot);
  if (moves === undefined) botMoves.set(move.bot, (moves = new Sequence()));
  moves.add(move.sequence);
  positions[2 * move.bot] = move.x;
  positions[2 * move.bot + 1] = move.y;
  void command(move);
});

// The bot has its answer when the zone has the command.
world.players.handle(async (request) => {
  if (request.kind === 'trade') trades += 1;
  await command(request);
  return { zone: zoneOf(request.bot) };
});

world.zones.on('connect', (connection, { zone }) => {
  zoneLines[zone]?.line.open(connection);
  for (const other of world.zones.connections) {
    // The killed process's session still waits for it, in vain.
    if (other !== connection && zoneOfConnection.get(other.id) === zone) other.destroy('replaced');
  }
  zoneOfConnection.set(connection.id, zone);
});
const zoneOfConnection = new Map<string, number>();

world.zones.on('message', (tick) => void zoneTicks[tick.zone]?.add(tick.sequence));

const snapshotTimer = setInterval(() => {
  snapshots += 1;
  void world.players.broadcast({ kind: 'snapshot', sequence: snapshots, positions });
}, 100);

const rounds: Promise<void>[] = [];
const surveyTimer = setInterval(() => rounds.push(askAround()), 500);

await Promise.all([world.players.start(), world.zones.start()]);
await join(
  control,
  { role: 'world', index: 0, players: addressOf(world.players), zones: addressOf(world.zones) },
  {
    progress: () => ({
      moves: sum(botMoves.values()).received,
      trades,
      snapshots,
      zonesUp: world.zones.connections.filter((connection) => connection.attached).length,
    }),
    async stop() {
      clearInterval(snapshotTimer);
      clearInterval(surveyTimer);
      await Promise.all(rounds);
      await Promise.all(zoneLines.map(({ line }) => line.idle()));
      await Promise.all(world.players.connections.map((connection) => connection.flush()));
    },
    report: () => ({
      role: 'world',
      moves: sum([...botMoves.values()].map((moves) => moves.tally)),
      ticks: sum(zoneTicks.map((ticks) => ticks.tally)),
      commands: zoneLines.map(({ line, sent }) => ({ sent, again: line.again })),
      snapshots,
      surveys,
      pings,
    }),
    async leave() {
      await Promise.all([world.players.close(), world.zones.close()]);
    },
  },
);

function command(order: Move | Spawn | Trade): Promise<void> {
  const zone = zoneLines[zoneOf(order.bot)];
  if (zone === undefined) throw new Error(`There is no zone for bot ${order.bot}`);
  zone.sent += 1;
  return zone.line.send({ ...order, order: zone.sent });
}

/** Asks the zones how many bots they have, and everyone whether they are there. */
async function askAround(): Promise<void> {
  const [populations, echoes] = await Promise.all([
    world.zones.survey('population', 400),
    world.players.ping(undefined, 400),
  ]);
  note(surveys, populations);
  note(pings, echoes);
}

function note(answers: { -readonly [Key in keyof Answers]: number }, results: readonly { status: string }[]): void {
  answers.asked += results.length;
  answers.answered += results.filter(({ status }) => status === 'fulfilled').length;
}

function zoneOf(bot: number): number {
  return bot % zoneCount;
}

function place(address: string): ServerOptions {
  return address === 'tcp' ? { port: 0 } : { path: address };
}

function addressOf(server: { readonly address: string | undefined; readonly port: number | undefined }): string {
  return server.port === undefined ? (server.address ?? '') : `tcp:${server.address}`;
}
