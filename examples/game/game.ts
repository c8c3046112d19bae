import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import type { ServerOptions } from 'busbar';
import type { Report } from './contract.ts';
import { Crew, type Member } from './crew.ts';
import { live } from './live.ts';
import { botProcesses, type Settings, zoneCount } from './settings.ts';
import { type Outcome, summary } from './summary.ts';

/** Bots of one process are in the game a moment after it started. */
const longRequest = 30_000;

/**
 * Runs the game in processes of its own, for the time of the settings or until `early`, and resolves what they counted.
 * None of them is left when it settles.
 */
export async function playGame(settings: Settings, folder: string, early: AbortSignal): Promise<Outcome> {
  const { seconds, bots, tcp } = settings;
  const place = (name: string): string => (tcp ? 'tcp' : join(folder, name));
  const control: ServerOptions = tcp ? { port: 0 } : { path: place('control') };
  const crew = new Crew(control);
  const view = live(process.stdout, seconds);
  try {
    await crew.open();
    const world = await crew.start('world', place('players'), place('zones'));
    const { players = '', zones = '' } = world.arrival;
    const startZone = (zone: number): Promise<Member> =>
      crew.start('zone', zones, zone, join(folder, `zone-${zone}.journal`));
    const members = [world, ...(await Promise.all(indices(zoneCount).map(startZone)))];
    const botMembers = await Promise.all(
      indices(botProcesses).map((index) => crew.start('bots', players, index, bots, seconds)),
    );
    view.say(`${bots} bots, ${zoneCount} zones and a world in ${members.length + botMembers.length} processes`);

    const startedAt = performance.now();
    const elapsed = (): number => (performance.now() - startedAt) / 1_000;
    let crash: Promise<void> | undefined;
    while (elapsed() < seconds && !early.aborted) {
      const progress = await world.connection.request('progress', longRequest);
      if (progress !== null && 'zonesUp' in progress) view.show(elapsed(), progress);
      if (elapsed() >= seconds / 2) crash ??= crashZone();
      await Promise.race([pause(200, early), crew.failed]);
    }
    await crash;
    const played = elapsed();

    // From those who cause work to those who do it, so that each finds its work finished.
    for (const group of [botMembers, [world], members.slice(1)]) {
      await Promise.race([Promise.all(group.map(stop)), crew.failed]);
    }
    view.end();
    const reports = await Promise.all([...members, ...botMembers].map(report));
    return summary(reports, played);

    async function crashZone(): Promise<void> {
      const victim = members[2];
      if (victim === undefined) return;
      const { index, pid } = victim.arrival;
      const killedAt = performance.now();
      await crew.kill(victim);
      view.say(`SIGKILL for zone ${index}, process ${pid}`);
      const successor = await startZone(index);
      members[2] = successor;
      const took = Math.round(performance.now() - killedAt);
      view.say(`Zone ${index} is back as process ${successor.arrival.pid} after ${took} ms`);
    }
  } finally {
    view.end();
    await crew.dismiss();
  }
}

async function stop({ connection }: Member): Promise<void> {
  await connection.request('stop', longRequest);
}

async function report({ connection, arrival }: Member): Promise<Report> {
  const given = await connection.request('report', longRequest);
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
