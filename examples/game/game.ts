import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { callOptions } from 'busbar/rpc';
import { Fleet, type FleetProcess, type GroupOptions } from 'busbar/fleet';
import type { Offers } from './contract.ts';
import { type Live, live } from './live.ts';
import { untilAnswered } from './member.ts';
import { areaCount, botProcesses, mostWaiting, type Settings, zoneCount } from './settings.ts';
import { type Outcome, summary } from './summary.ts';

/** Stopping waits for everything in flight, which may be much with many bots. */
const longMs = 120_000;
const long = callOptions({ timeout: longMs });

/**
 * Runs the game in processes of its own, for the time of the settings or until `early`, and resolves what they counted.
 * None of them is left when it settles.
 */
export async function playGame(settings: Settings, folder: string, early: AbortSignal): Promise<Outcome> {
  const fleet = new Fleet(groups(settings, folder), {
    path: join(folder, 'hub'),
    maxOpenRequests: mostWaiting,
    maxPendingMessages: mostWaiting,
    services: { maxWaiting: mostWaiting, closeMs: longMs },
  });
  const view = live(process.stdout, settings.seconds);
  const failed = failure(fleet);
  try {
    // A process that dies ends its calls before its end is heard of, which says more.
    const played = play(settings, early, fleet, view).catch(async (error: unknown) => {
      await Promise.race([failed, pause(1_000, early)]);
      throw error;
    });
    return await Promise.race([played, failed]);
  } finally {
    view.end();
    await fleet.stop();
  }
}

function groups({ bots, tcp }: Settings, folder: string): Record<string, GroupOptions> {
  const program = (name: string): URL => new URL(`./${name}.js`, import.meta.url);
  return {
    world: { file: program('world'), args: [tcp ? 'tcp' : join(folder, 'players'), folder], stopTimeoutMs: longMs },
    zone: { file: program('zone'), args: [folder], count: zoneCount, stopTimeoutMs: longMs },
    bots: {
      file: program('bots'),
      args: [String(bots), folder],
      count: botProcesses,
      after: ['world', 'zone'],
      stopTimeoutMs: longMs,
    },
  };
}

/** Rejects when a process ends that nobody meant to end, as what it has counted is lost; zones are the ones that are killed. */
function failure(fleet: Fleet): Promise<never> {
  const failed = new Promise<never>((_resolve, reject) => {
    fleet.on('down', ({ group }, reason, code, signal) => {
      const isMeant = reason !== 'died' || (group === 'zone' && signal === 'SIGKILL');
      if (!isMeant) reject(new Error(`A ${group} process ended by itself (${signal ?? code})`));
    });
  });
  failed.catch(() => {});
  return failed;
}

async function play(
  { seconds, bots: botCount }: Settings,
  early: AbortSignal,
  fleet: Fleet,
  view: Live,
): Promise<Outcome> {
  const { services: hub } = fleet;
  const world = hub.service<Offers['world']>('world').key('world').call;
  const group = hub.service<Offers['bots']>('bots');
  const bots = indices(botProcesses).map((index) => group.key(String(index)).call);
  const area = hub.service<Offers['area']>('area');
  const areas = indices(areaCount).map((index) => area.key(String(index)).call);

  await fleet.start();
  await Promise.all(bots.map((one) => one.play(long)));
  const processes = fleet.status().length;
  view.say(`${botCount} bots, ${zoneCount} zones with ${areaCount} areas and a world play in ${processes} processes`);

  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1_000;
  await Promise.all([watch(), happen()]);
  const played = elapsed();

  // From those who cause work to those who do it, so that each finds its work finished.
  await Promise.all(bots.map((one) => one.stop(long)));
  await world.stop(long);
  await Promise.all(areas.map((one) => one.stop(long)));
  view.end();
  const reports = {
    world: await world.report(long),
    areas: await Promise.all(areas.map((one) => one.report(long))),
    bots: await Promise.all(bots.map((one) => one.report(long))),
  };
  return summary(reports, played);

  async function watch(): Promise<void> {
    while (elapsed() < seconds && !early.aborted) {
      view.show(elapsed(), { ...(await world.progress(long)), zones: hub.members('area').length });
      await pause(200, early);
    }
  }

  async function happen(): Promise<void> {
    await pause((seconds * 1_000) / 3, early);
    if (!early.aborted) await Promise.all(bots.map((one) => one.cutLinks(long)));
    await pause((seconds * 1_000) / 2 - 1_000 * elapsed(), early);
    if (!early.aborted) await crash();
    await pause((seconds * 3_000) / 4 - 1_000 * elapsed(), early);
    if (!early.aborted) await deploy();
  }

  /** Kills the first zone, which gets a successor. */
  async function crash(): Promise<void> {
    const pid = zones().find(({ number }) => number === 1)?.pid ?? 0;
    const its = keysOf(pid);
    const killedAt = performance.now();
    const tookMs = (): number => Math.round(performance.now() - killedAt);
    const back = new Promise<FleetProcess>((resolve) => fleet.once('up', resolve));
    process.kill(pid, 'SIGKILL');
    await Promise.all(its.map((key) => area.key(key).call.population(untilAnswered)));
    view.say(`SIGKILL for zone-1, process ${pid}: its ${its.length} areas answer again after ${tookMs()} ms`);
    const { pid: successor = 0 } = await back;
    const readyMs = tookMs();
    await hub.rebalance('area');
    view.say(`zone-1 is back after ${readyMs} ms, process ${successor}, with ${keysOf(successor).length} areas`);
  }

  /** Replaces every process, one after the other. */
  async function deploy(): Promise<void> {
    // None of them is on its way.
    await Promise.all(areas.map((one) => one.population(untilAnswered)));
    const begunAt = performance.now();
    let [replaced, moved] = [0, 0];
    const count = ({ group: name, number, pid }: FleetProcess): void => {
      const before = fleet.status().find((one) => one.group === name && one.number === number && one.pid !== pid);
      moved += keysOf(before?.pid ?? 0).length;
      replaced += 1;
    };
    fleet.on('up', count);
    for (const name of ['zone', 'world', 'bots']) await fleet.restart(name);
    fleet.off('up', count);
    const tookMs = Math.round(performance.now() - begunAt);
    view.say(`Rolling restart: ${replaced} processes replaced in ${tookMs} ms, areas moved ${moved} times`);
  }

  function zones(): FleetProcess[] {
    return fleet.status().filter(({ group }) => group === 'zone');
  }

  /** The areas of a process. */
  function keysOf(pid: number): string[] {
    const zone = hub.members('area').find(({ meta }) => (meta as { readonly pid: number }).pid === pid);
    return zone === undefined ? [] : hub.keys('area', zone.id);
  }
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
