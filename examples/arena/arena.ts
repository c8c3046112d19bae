import { setTimeout as wait } from 'node:timers/promises';
import { Host } from './host.ts';
import type { Network } from './network.ts';
import { Player } from './player.ts';
import type { Settings } from './settings.ts';
import { Tally } from './tally.ts';
import { followKeys, showMap } from './terminal.ts';

/** What became of a game; `sound` says that nothing was lost. */
export interface Outcome {
  readonly text: string;
  readonly sound: boolean;
}

/** Plays one game on a network: arenas, players in them, and bots that move on to another arena now and then. */
export async function playArena(network: Network, settings: Settings, signal: AbortSignal): Promise<Outcome> {
  const tally = new Tally();
  const ids = Array.from({ length: settings.arenas }, (_, index) => `arena ${index + 1}`);
  const hosts = await Promise.all(ids.map(async (id) => Host.open(await network.join(), id, network.place)));
  const players: Player[] = [];
  for (let index = 0; index < settings.bots; index += 1) {
    players.push(new Player(`bot ${index + 1}`, await network.join(), network.place, tally));
  }
  await Promise.all(players.map((player, index) => player.enter(ids[index % ids.length] ?? '')));
  const hand = settings.play ? await join(network, ids[0] ?? '', tally) : undefined;

  const endMs = performance.now() + settings.seconds * 1_000;
  for (let round = 0; performance.now() < endMs && !signal.aborted; round += 1) {
    await wait(Math.min(250, Math.max(0, endMs - performance.now())), undefined, { signal }).catch(() => undefined);
    const wanderer = players[round % players.length];
    if (wanderer !== undefined && !signal.aborted) await wanderer.enter(ids[(round + 1) % ids.length] ?? '');
  }
  const [best] = await Promise.all(players.map((player) => player.best()));
  for (const host of hosts) host.stop();
  hand?.();
  // What is under way arrives; with a lag it takes that long.
  await wait(50 + 4 * (network.place.netLag ?? 0));
  return { text: table(network, hosts, tally, best ?? 'nobody'), sound: tally.lost === 0 };
}

/** Adds the person at the keyboard; the function returned lets go of the terminal. */
async function join(network: Network, id: string, tally: Tally): Promise<() => void> {
  const player = new Player('you', await network.join(), network.place, tally);
  player.steered = true;
  player.watch = showMap;
  await player.enter(id);
  return followKeys((dx, dy) => player.steer(dx, dy));
}

function table(network: Network, hosts: readonly Host[], tally: Tally, best: string): string {
  const given = hosts.reduce((sum, host) => sum + host.collected, 0);
  const rows: readonly (readonly [string, string])[] = [
    ['network', network.name],
    ['arenas, entries', `${hosts.length}, ${tally.entered}`],
    ['snapshots seen', `${tally.snapshots}, ${tally.lost} missing or out of order`],
    ['steps (one-way calls)', `${tally.steps}`],
    [
      'calls with an answer',
      `${tally.calls}, p50 ${tally.percentile(0.5).toFixed(1)} ms, p99 ${tally.percentile(0.99).toFixed(1)} ms`,
    ],
    ['coins given, known of', `${given}, ${tally.collected} (the others had moved on)`],
    ['best of one arena', best],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(24)}${value}`).join('\n');
}
