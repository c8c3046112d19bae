import { BusError } from 'busbar';
import { Log } from 'busbar/journal';
import type { AreaReport, Command, Tick } from './contract.ts';
import { Sequence, type SequenceState } from './sequence.ts';

/** What an area leaves to its next owner. */
export interface AreaState {
  readonly commands: SequenceState;
  readonly bots: readonly number[];
  readonly traded: number;
  readonly ticks: number;
}

type Fact = { readonly command: Command } | { readonly tick: Tick } | { readonly told: number };

/** An owner that lost the area without dying lets go of its log within moments. */
const openMs = 10_000;

/**
 * A part of the map, in the hands of one zone at a time. It writes each command to its log before it confirms it, and each
 * tick before it tells it, so that an owner that follows a SIGKILL carries on with the same numbers.
 */
export class Area {
  readonly #area: number;
  readonly #log: Log;
  readonly #tell: (tick: Tick) => Promise<void>;
  readonly #commands: Sequence;
  readonly #bots: Set<number>;
  readonly #telling = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #traded: number;
  #ticks: number;
  #isLost = false;

  private constructor(area: number, left: AreaState | undefined, log: Log, tell: (tick: Tick) => Promise<void>) {
    this.#area = area;
    this.#log = log;
    this.#tell = tell;
    this.#commands = new Sequence(left?.commands);
    this.#bots = new Set(left?.bots);
    this.#traded = left?.traded ?? 0;
    this.#ticks = left?.ticks ?? 0;
  }

  /** With what the last owner left, or, where that one could not, what its log says. */
  static async open(
    area: number,
    left: AreaState | undefined,
    folder: string,
    tell: (tick: Tick) => Promise<void>,
  ): Promise<Area> {
    const opened = new Area(area, left, await openLog(folder), tell);
    if (left === undefined) await opened.#readLog();
    opened.#timer = setInterval(() => opened.#tick(), 100);
    return opened;
  }

  /** Resolves when it is known for good. */
  async take(command: Command): Promise<void> {
    if (this.#apply(command)) this.#write({ command });
    await this.#log.pending;
  }

  population(): number {
    return this.#bots.size;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#telling);
  }

  report(): AreaReport {
    return { commands: this.#commands.tally, ticksSent: this.#ticks };
  }

  async close(): Promise<AreaState> {
    await this.stop();
    await this.lost();
    return { commands: this.#commands.state, bots: [...this.#bots], traded: this.#traded, ticks: this.#ticks };
  }

  /** Lets go of what it holds; it may be another's already. */
  async lost(): Promise<void> {
    this.#isLost = true;
    clearInterval(this.#timer);
    await this.#log.close();
  }

  async #readLog(): Promise<void> {
    const untold = new Map<number, Tick>();
    for await (const { body } of this.#log.read(1)) {
      const fact = JSON.parse(Buffer.from(body).toString()) as Fact;
      if ('command' in fact) {
        this.#apply(fact.command);
      } else if ('tick' in fact) {
        this.#ticks = fact.tick.sequence;
        untold.set(this.#ticks, fact.tick);
      } else {
        untold.delete(fact.told);
      }
    }
    for (const tick of untold.values()) this.#post(tick, Promise.resolve());
  }

  /** False if the command was known. */
  #apply(command: Command): boolean {
    if (!this.#commands.add(command.order)) return false;
    if (command.kind === 'spawn') this.#bots.add(command.bot);
    if (command.kind === 'trade') this.#traded += command.amount;
    return true;
  }

  #tick(): void {
    this.#ticks += 1;
    const tick = { area: this.#area, sequence: this.#ticks, population: this.#bots.size, traded: this.#traded };
    this.#write({ tick });
    this.#post(tick, this.#log.pending);
  }

  #write(fact: Fact): void {
    const sequence = this.#log.append(Buffer.from(JSON.stringify(fact)));
    if (sequence === undefined) throw new Error(`The log of area ${this.#area} is full`);
  }

  /** Once it is `written`. */
  #post(tick: Tick, written: Promise<void>): void {
    const told = written
      .then(() => this.#tell(tick))
      .then(
        () => {
          if (!this.#isLost) this.#write({ told: tick.sequence });
        },
        // The game is over.
        () => {},
      );
    this.#telling.add(told);
    void told.then(() => this.#telling.delete(told));
  }
}

async function openLog(folder: string): Promise<Log> {
  const until = Date.now() + openMs;
  for (;;) {
    try {
      return await Log.open(folder);
    } catch (error) {
      const isInUse = error instanceof BusError && error.code === 'ERR_JOURNAL_IN_USE';
      if (!isInUse || Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
