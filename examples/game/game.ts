import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import type { Report } from './contract.ts';
import { Crew, type Member } from './crew.ts';
import { type Live, live } from './live.ts';
import { botProcesses, type Settings, zoneCount } from './settings.ts';
import { type Outcome, summary } from './summary.ts';

/** Stopping waits for everything in flight, which may be much with many bots. */
const longRequestMs = 30_000;

/**
 * Runs the game in processes of its own, for the time of the settings or until `early`, and resolves what they counted.
 * None of them is left when it settles.
 */
export async function playGame(settings: Settings, folder: string, early: AbortSignal): Promise<Outcome> {
  const crew = new Crew(settings.tcp ? { port: 0 } : { path: join(folder, 'control') });
  const view = live(process.stdout, settings.seconds);
  try {
    await crew.open();
    // A process that dies ends its requests before its end is heard of, which says more.
    const played = play(settings, folder, early, crew, view).catch(async (error: unknown) => {
      await Promise.race([crew.failed, pause(1_000, early)]);
      throw error;
    });
    return await Promise.race([played, crew.failed]);
  } finally {
    view.end();
    await crew.dismiss();
  }
}

async function play(
  { seconds, bots, tcp }: Settings,
  folder: string,
  early: AbortSignal,
  crew: Crew,
  view: Live,
): Promise<Outcome> {
  const place = (name: string): string => (tcp ? 'tcp' : join(folder, name));
  const world = await crew.start('world', place('players'), place('zones'));
  const { players = '', zones = '' } = world.arrival;
  const startZone = (index: number): Promise<Member> =>
    crew.start('zone', zones, index, join(folder, `zone-${index}.journal`));
  const zoneMembers = await Promise.all(indices(zoneCount).map(startZone));
  const botMembers = await Promise.all(
    indices(botProcesses).map((index) => crew.start('bots', players, index, bots, seconds)),
  );
  view.say(`${bots} bots, ${zoneCount} zones and a world play in ${1 + zoneCount + botProcesses} processes`);

  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1_000;
  let crash: Promise<void> | undefined;
  while (elapsed() < seconds && !early.aborted) {
    const progress = await world.connection.request('progress', longRequestMs);
    if (progress !== null && 'zonesUp' in progress) view.show(elapsed(), progress);
    if (elapsed() >= seconds / 2) crash ??= crashZone(1);
    await pause(200, early);
  }
  await crash;
  const played = elapsed();

  // From those who cause work to those who do it, so that each finds its work finished.
  for (const group of [botMembers, [world], zoneMembers]) await Promise.all(group.map(stop));
  view.end();
  return summary(await Promise.all([world, ...zoneMembers, ...botMembers].map(report)), played);

  async function crashZone(index: number): Promise<void> {
    const victim = zoneMembers[index];
    if (victim === undefined) return;
    const killedAt = performance.now();
    await crew.kill(victim);
    view.say(`SIGKILL for zone ${index}, process ${victim.arrival.pid}`);
    const successor = await startZone(index);
    zoneMembers[index] = successor;
    const tookMs = Math.round(performance.now() - killedAt);
    view.say(`Zone ${index} is back as process ${successor.arrival.pid} after ${tookMs} ms`);
  }
}

async function stop({ connection }: Member): Promise<void> {
  await connection.request('stop', longRequestMs);
}

async function report({ connection, arrival }: Member): Promise<Report> {
  const given = await connection.request('report', longRequestMs);
  if (given !== null && 'role' in given) return given;
  throw new Error(`The ${arrival.role} did not report`);
}

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
