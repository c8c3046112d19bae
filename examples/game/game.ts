import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { callOptions } from 'busbar/rpc';
import type { MemberAnswer } from 'busbar/services';
import type { Offers } from './contract.ts';
import { Crew } from './crew.ts';
import { type Live, live } from './live.ts';
import { untilAnswered } from './member.ts';
import { areaCount, botProcesses, type Settings, zoneCount } from './settings.ts';
import { type Outcome, summary } from './summary.ts';

/** Stopping waits for everything in flight, which may be much with many bots. */
const long = callOptions({ timeout: 120_000 });

/**
 * Runs the game in processes of its own, for the time of the settings or until `early`, and resolves what they counted.
 * None of them is left when it settles.
 */
export async function playGame(settings: Settings, folder: string, early: AbortSignal): Promise<Outcome> {
  const crew = new Crew(settings.tcp ? { port: 0 } : { path: join(folder, 'hub') });
  const view = live(process.stdout, settings.seconds);
  try {
    await crew.open();
    // A process that dies ends its calls before its end is heard of, which says more.
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
  { seconds, bots: botCount, tcp }: Settings,
  folder: string,
  early: AbortSignal,
  crew: Crew,
  view: Live,
): Promise<Outcome> {
  const { hub } = crew;
  const world = hub.service<Offers['world']>('world').call;
  const bots = hub.service<Offers['bots']>('bots').survey;
  const area = hub.service<Offers['area']>('area');
  const areas = indices(areaCount).map((index) => area.key(String(index)).call);
  const zones = indices(zoneCount).map((index) => `zone-${index}`);
  const startZone = (name: string): Promise<void> => crew.start('zone', name, folder);

  await Promise.all([crew.start('world', 'world', tcp ? 'tcp' : join(folder, 'players')), ...zones.map(startZone)]);
  await Promise.all(areas.map((one) => one.population()));
  const players = await world.address();
  await Promise.all(
    indices(botProcesses).map((index) => crew.start('bots', `bots-${index}`, players, index, botCount, seconds)),
  );
  const processes = 1 + zoneCount + botProcesses;
  view.say(`${botCount} bots, ${zoneCount} zones with ${areaCount} areas and a world play in ${processes} processes`);

  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1_000;
  await Promise.all([watch(), happen()]);
  const played = elapsed();

  // From those who cause work to those who do it, so that each finds its work finished.
  values(await bots.stop(long));
  await world.stop(long);
  await Promise.all(areas.map((one) => one.stop(long)));
  view.end();
  const reports = {
    world: await world.report(long),
    areas: await Promise.all(areas.map((one) => one.report(long))),
    bots: values(await bots.report(long)),
  };
  return summary(reports, played);

  async function watch(): Promise<void> {
    while (elapsed() < seconds && !early.aborted) {
      view.show(elapsed(), { ...(await world.progress(long)), zones: hub.members('area').length });
      await pause(200, early);
    }
  }

  async function happen(): Promise<void> {
    await pause((seconds * 1_000) / 2, early);
    if (!early.aborted) await crash('zone-1');
    await pause((seconds * 3_000) / 4 - 1_000 * elapsed(), early);
    if (!early.aborted) await deploy();
  }

  /** Kills a zone, and has another process take its place. */
  async function crash(name: string): Promise<void> {
    const its = keysOf(name);
    const killedAt = performance.now();
    const tookMs = (): number => Math.round(performance.now() - killedAt);
    const pid = crew.pidOf(name);
    await crew.end(name, 'SIGKILL');
    const isBack = startZone(name);
    await Promise.all(its.map((key) => area.key(key).call.population(untilAnswered)));
    view.say(`SIGKILL for ${name}, process ${pid}: its ${its.length} areas answer again after ${tookMs()} ms`);
    await isBack;
    const readyMs = tookMs();
    await hub.rebalance('area');
    view.say(`${name} is back after ${readyMs} ms, process ${crew.pidOf(name)}, with ${keysOf(name).length} areas`);
  }

  /** Replaces all zones, one after the other. */
  async function deploy(): Promise<void> {
    const begunAt = performance.now();
    let [replaced, moved] = [0, 0];
    for (const name of zones) {
      if (early.aborted) break;
      await startZone(`${name}-next`);
      moved += keysOf(name).length;
      await crew.end(name, 'SIGTERM');
      replaced += 1;
    }
    const tookMs = Math.round(performance.now() - begunAt);
    view.say(`Rolling deploy: ${replaced} zones replaced in ${tookMs} ms, areas moved ${moved} times`);
  }

  function keysOf(name: string): string[] {
    return hub.keys('area', hub.member(name)?.id ?? '');
  }
}

function values<Value>(rows: readonly MemberAnswer<Value>[]): Value[] {
  return rows.map((row) => {
    if (row.status === 'fulfilled') return row.value;
    throw row.reason;
  });
}

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Nothing but a game that goes on waits for its end. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms).unref();
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
