import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { callOptions } from 'busbar/rpc';
import { Fleet, type FleetProcess, type GroupOptions } from 'busbar/fleet';
import type { Offers } from './contract.ts';
import { type Live, live } from './live.ts';
import { untilAnswered } from './member.ts';
import { areaCount, botProcesses, longMs, mostWaiting, type Settings, zoneCount } from './settings.ts';
import { type Outcome, summary } from './summary.ts';

const long = callOptions({ timeout: longMs });

/** What a hub leaves to the one that follows it. */
export interface GameState {
  /** For how many seconds it was played. */
  readonly played: number;
  /** When it began to leave, in milliseconds since 1970. */
  readonly leftAt: number;
}

/** Ends the game, which nothing comes of. */
export type Fail = (error: unknown) => Promise<never>;

/** The game, in processes of its own, for the time of the settings or until `end`. */
export class Game {
  readonly #settings: Settings;
  readonly #fleet: Fleet;
  readonly #view: Live;
  readonly #early = new AbortController();
  readonly #world;
  readonly #bots;
  readonly #area;
  readonly #areas;
  readonly #left: GameState | undefined;
  readonly #fail: Fail;
  #startedAt = performance.now();

  constructor(settings: Settings, folder: string, left: GameState | undefined, fail: Fail) {
    this.#settings = settings;
    this.#left = left;
    this.#fail = fail;
    this.#view = live(process.stdout, settings.seconds);
    this.#fleet = new Fleet(groups(settings, folder), {
      path: join(folder, 'hub'),
      maxOpenRequests: mostWaiting,
      maxPendingMessages: mostWaiting,
      services: { maxWaiting: mostWaiting, closeMs: longMs },
    });
    const { services: hub } = this.#fleet;
    this.#world = hub.service<Offers['world']>('world').key('world').call;
    const group = hub.service<Offers['bots']>('bots');
    this.#bots = indices(botProcesses).map((index) => group.key(String(index)).call);
    this.#area = hub.service<Offers['area']>('area');
    this.#areas = indices(areaCount).map((index) => this.#area.key(String(index)).call);
    // What such a process has counted is lost; zones are the ones that are killed.
    this.#fleet.on('down', ({ group: name }, reason, code, signal) => {
      const isMeant = reason !== 'died' || (name === 'zone' && signal === 'SIGKILL');
      if (!isMeant) void fail(new Error(`A ${name} process ended by itself (${signal ?? code})`));
    });
  }

  /** Starts its processes. */
  async start(): Promise<void> {
    await this.#fleet.start();
    await Promise.all(this.#bots.map((one) => one.play(long)));
    this.#startedAt = performance.now();
    if (this.#left === undefined) return;
    const { length } = this.#fleet.status();
    this.#view.say(
      `Process ${process.pid} is the hub: ${length} others continue after ${Date.now() - this.#left.leftAt} ms`,
    );
  }

  /** The first part: a zone is killed, and each process is replaced. */
  play(): Promise<void> {
    return this.#part(() => this.#play());
  }

  /** The rest of it: resolves with what all processes counted. */
  finish(): Promise<Outcome> {
    return this.#part(() => this.#finish());
  }

  async #play(): Promise<void> {
    const { bots } = this.#settings;
    const processes = this.#fleet.status().length;
    this.#view.say(
      `${bots} bots, ${zoneCount} zones with ${areaCount} areas and a world play in ${processes} processes`,
    );
    const over = new AbortController();
    await Promise.all([this.#watch(over.signal), this.#happen().finally(() => over.abort())]);
  }

  async #happen(): Promise<void> {
    const { seconds } = this.#settings;
    const at = (share: number): Promise<void> => pause(1_000 * (share * seconds - this.#elapsed()), this.#early.signal);
    const steps = [
      [1 / 4, () => Promise.all(this.#bots.map((one) => one.cutLinks(long)))],
      [2 / 5, () => this.#crash()],
      [3 / 5, () => this.#deploy()],
    ] as const;
    for (const [share, step] of steps) {
      await at(share);
      if (!this.#early.signal.aborted) await step();
    }
  }

  async #finish(): Promise<Outcome> {
    await this.#watch(this.#early.signal);
    const played = this.#elapsed();
    // From those who cause work to those who do it, so that each finds its work finished.
    await Promise.all(this.#bots.map((one) => one.stop(long)));
    await this.#world.stop(long);
    await Promise.all(this.#areas.map((one) => one.stop(long)));
    this.#view.end();
    const reports = {
      world: await this.#world.report(long),
      areas: await Promise.all(this.#areas.map((one) => one.report(long))),
      bots: await Promise.all(this.#bots.map((one) => one.report(long))),
    };
    return summary(reports, played);
  }

  /** Ends what is played. */
  end(): void {
    this.#early.abort();
  }

  /** Ends its processes, which leave in their journals what the next ones go on with. */
  async close(): Promise<GameState> {
    const left = { played: this.#elapsed(), leftAt: Date.now() };
    this.#view.end();
    await this.#fleet.stop();
    return left;
  }

  async #part<Result>(part: () => Promise<Result>): Promise<Result> {
    try {
      return await part();
    } catch (error) {
      // A process that dies ends its calls before its end is heard of, which says more.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return this.#fail(error);
    }
  }

  #elapsed(): number {
    return (this.#left?.played ?? 0) + (performance.now() - this.#startedAt) / 1_000;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (this.#elapsed() < this.#settings.seconds && !signal.aborted) {
      const zoneNumber = this.#fleet.services.members('area').length;
      this.#view.show(this.#elapsed(), { ...(await this.#world.progress(long)), zones: zoneNumber });
      await pause(200, signal);
    }
  }

  /** Kills the first zone, which gets a successor. */
  async #crash(): Promise<void> {
    const fleet = this.#fleet;
    const zones = fleet.status().filter(({ group }) => group === 'zone');
    const pid = zones.find(({ number }) => number === 1)?.pid ?? 0;
    const its = this.#keysOf(pid);
    const killedAt = performance.now();
    const tookMs = (): number => Math.round(performance.now() - killedAt);
    const back = new Promise<FleetProcess>((resolve) => fleet.once('up', resolve));
    process.kill(pid, 'SIGKILL');
    await Promise.all(its.map((key) => this.#area.key(key).call.population(untilAnswered)));
    this.#view.say(`SIGKILL for zone-1, process ${pid}: its ${its.length} areas answer again after ${tookMs()} ms`);
    const { pid: successor = 0 } = await back;
    const readyMs = tookMs();
    await fleet.services.rebalance('area');
    const owned = this.#keysOf(successor).length;
    this.#view.say(`zone-1 is back after ${readyMs} ms, process ${successor}, with ${owned} areas`);
  }

  /** Replaces every process, one after the other. */
  async #deploy(): Promise<void> {
    const fleet = this.#fleet;
    // None of them is on its way.
    await Promise.all(this.#areas.map((one) => one.population(untilAnswered)));
    const begunAt = performance.now();
    let [replaced, moved] = [0, 0];
    const count = ({ group: name, number, pid }: FleetProcess): void => {
      const before = fleet.status().find((one) => one.group === name && one.number === number && one.pid !== pid);
      moved += this.#keysOf(before?.pid ?? 0).length;
      replaced += 1;
    };
    fleet.on('up', count);
    for (const name of ['zone', 'world', 'bots']) await fleet.restart(name);
    fleet.off('up', count);
    const tookMs = Math.round(performance.now() - begunAt);
    this.#view.say(`Rolling restart: ${replaced} processes replaced in ${tookMs} ms, areas moved ${moved} times`);
  }

  /** The areas of a process. */
  #keysOf(pid: number): string[] {
    const { services: hub } = this.#fleet;
    const zone = hub.members('area').find(({ meta }) => (meta as { readonly pid: number }).pid === pid);
    return zone === undefined ? [] : hub.keys('area', zone.id);
  }
}

function groups({ bots, tcp }: Settings, folder: string): Record<string, GroupOptions> {
  const program = (name: string): URL => new URL(`./${name}.js`, import.meta.url);
  return {
    zone: { file: program('zone'), args: [folder], count: zoneCount, stopTimeoutMs: longMs },
    world: {
      file: program('world'),
      args: [tcp ? 'tcp' : join(folder, 'players'), folder],
      after: ['zone'],
      stopTimeoutMs: longMs,
    },
    bots: {
      file: program('bots'),
      args: [String(bots), folder],
      count: botProcesses,
      after: ['world'],
      stopTimeoutMs: longMs,
    },
  };
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
