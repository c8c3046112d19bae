import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/thrown.ts';
import { sleep } from '../../base/wait.ts';
import type { End } from './body.ts';
import type { DownReason, FleetProcess } from './fleet-process.ts';
import type { GroupSettings } from './group-options.ts';
import { Worker } from './worker.ts';

/** Whose place it is. */
export interface PlaceOwner {
  readonly settings: GroupSettings;
  readonly clock: Clock;
  /** 0 to 1, 1 excluded. */
  unit(): number;
  /** @throws BusError `ERR_SPAWN`. */
  make(place: Place): Worker;
  up(worker: Worker, place: Place): void;
  down(worker: Worker, place: Place, end: End): void;
  /** It died by itself, and is to be started again. */
  died(place: Place): void;
  givenUp(place: Place): void;
}

/** The first wait is chosen below this; each further one below twice as much. */
const firstWaitMs = 100;
const longestWaitMs = 10_000;

/** One of the places of a group: it has a process, and gets another one where that dies, unless that happens too often. */
export class Place {
  readonly number: number;
  /** Processes that it had. */
  made = 0;
  readonly #owner: PlaceOwner;
  /** Those that have not ended. */
  readonly #workers = new Set<Worker>();
  #wanted: AbortController | undefined;
  #current: Worker | undefined;
  /** It is to be ready before the present one ends. */
  #successor: Worker | undefined;
  #idle: 'waiting' | 'given-up' | 'stopped' = 'stopped';
  #up: Promise<void> = Promise.resolve();
  #wasUp = false;
  #isUp: () => void = () => {};
  #isNot: (error: unknown) => void = () => {};
  #run: Promise<void> = Promise.resolve();
  #deaths: number[] = [];

  constructor(number: number, owner: PlaceOwner) {
    this.number = number;
    this.#owner = owner;
  }

  /** Those that have not ended: none, one, or while one follows another, two. */
  get workers(): readonly Worker[] {
    return [...this.#workers];
  }

  /** What is the matter where it has no process. */
  get idle(): FleetProcess['state'] {
    return this.#idle;
  }

  /** It is to be started when others are ready. */
  wait(): void {
    if (this.#wanted === undefined) this.#idle = 'waiting';
  }

  /**
   * Resolves when its process is ready; rejects with `ERR_SPAWN` when it is not started again, `ERR_CLOSED` when it is
   * stopped before.
   */
  start(): Promise<void> {
    if (this.#wanted !== undefined) return this.#up;
    const wanted = new AbortController();
    this.#wanted = wanted;
    this.#deaths = [];
    this.#idle = 'waiting';
    this.#expect();
    this.#run = this.#run.then(() => this.#supervise(wanted.signal));
    return this.#up;
  }

  /** Ends what is here; resolves when nothing is left. */
  async stop(reason: DownReason): Promise<void> {
    this.#wanted?.abort();
    this.#wanted = undefined;
    this.#isNot(this.#stopped());
    await Promise.all([...this.workers.map((worker) => worker.leave(reason)), this.#run]);
    if (this.#wanted === undefined) this.#idle = 'stopped';
  }

  /** Another process is made ready, then the present one ends. Rejects with `ERR_SPAWN` where it is not: the present one stays then. */
  async replace(reason: DownReason): Promise<void> {
    const wanted = this.#wanted;
    const before = this.#current;
    if (wanted === undefined || before === undefined) return this.start();
    if (this.#successor !== undefined) return this.#successor.ready;
    const next = this.#make();
    this.#successor = next;
    try {
      await next.ready;
    } catch (error) {
      throw wanted.signal.aborted ? this.#stopped() : error;
    } finally {
      if (this.#successor === next) this.#successor = undefined;
    }
    if (wanted.signal.aborted) throw this.#stopped();
    // Where the one before died meanwhile, it is in its place by now.
    if (this.#current === next) return;
    this.#current = next;
    this.#ready(next);
    await before.leave(reason);
  }

  /** As `replace`, of a process that does harm: it counts as a death. */
  async recycle(reason: DownReason): Promise<void> {
    const { workers } = this;
    const isLast = this.#deathsWith(this.#owner.clock.now()).length >= this.#owner.settings.limit[0];
    if (!isLast) {
      this.#deaths = this.#deathsWith(this.#owner.clock.now());
      await this.replace(reason).catch(() => {});
    }
    await Promise.all(workers.map((worker) => worker.leave(reason)));
  }

  /** Its process is to be ready, for the first time or again. */
  #expect(): void {
    this.#wasUp = false;
    this.#up = new Promise((resolve, reject) => {
      this.#isUp = resolve;
      this.#isNot = reject;
    });
    this.#up.catch(() => {});
  }

  async #supervise(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let failed: unknown;
      try {
        const worker = this.#successor ?? this.#make();
        this.#successor = undefined;
        this.#current = worker;
        await worker.ready;
        if (this.#current === worker) this.#ready(worker);
      } catch (error) {
        failed = error;
      }
      // Another one may have followed it, in this very turn too.
      for (let worker = this.#current; worker?.isOver === false; worker = this.#current) await worker.over;
      this.#current = undefined;
      if (!signal.aborted && this.#successor === undefined) {
        if (this.#isTooMuch()) {
          this.#giveUp(failed);
          return;
        }
        if (this.#wasUp) this.#expect();
        await this.#pause(signal);
      }
    }
  }

  #ready(worker: Worker): void {
    if (worker.isOver) return;
    this.#wasUp = true;
    this.#isUp();
    this.#owner.up(worker, this);
  }

  #giveUp(failed: unknown): void {
    const [deaths, withinMs] = this.#owner.settings.limit;
    const cause = failed === undefined ? '' : `, at last: ${textOf(failed)}`;
    this.#idle = 'given-up';
    this.#wanted = undefined;
    this.#isNot(
      new BusError('ERR_SPAWN', `${this.#name} died ${deaths} times in ${withinMs} ms${cause}`, { cause: failed }),
    );
    this.#owner.givenUp(this);
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock } = this.#owner;
    this.#idle = 'waiting';
    this.#owner.died(this);
    const longest = Math.min(longestWaitMs, firstWaitMs * 2 ** (this.#deaths.length - 1));
    await sleep(clock, this.#owner.unit() * longest, signal).catch(() => {});
  }

  /** Counts a death. */
  #isTooMuch(): boolean {
    this.#deaths = this.#deathsWith(this.#owner.clock.now());
    return this.#deaths.length >= this.#owner.settings.limit[0];
  }

  #deathsWith(now: number): number[] {
    const [, withinMs] = this.#owner.settings.limit;
    return [...this.#deaths.filter((at) => now - at < withinMs), now];
  }

  #make(): Worker {
    const worker = this.#owner.make(this);
    this.made += 1;
    this.#workers.add(worker);
    void worker.over.then((end) => {
      this.#workers.delete(worker);
      this.#owner.down(worker, this, end);
    });
    return worker;
  }

  #stopped(): BusError {
    return new BusError('ERR_CLOSED', `${this.#name} was stopped before it was ready`);
  }

  get #name(): string {
    return `${this.#owner.settings.name} ${this.number}`;
  }
}
