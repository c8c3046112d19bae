import type { Log } from 'busbar/journal';
import type { AreaReport, Command, Tick } from './contract.ts';
import { openLog } from './kept.ts';
import { Sequence } from './sequence.ts';

type Fact = { readonly command: Command } | { readonly tick: Tick } | { readonly told: number };

/**
 * A part of the map, in the hands of one zone at a time. It writes each command to its log before it confirms it, and each
 * tick before it tells it, so that the next owner carries on with the same numbers, also after a SIGKILL.
 */
export class Area {
  readonly #area: number;
  readonly #log: Log;
  readonly #tell: (tick: Tick) => Promise<void>;
  readonly #commands = new Sequence();
  readonly #bots = new Set<number>();
  readonly #telling = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #traded = 0;
  #ticks = 0;
  #isClosed = false;

  private constructor(area: number, log: Log, tell: (tick: Tick) => Promise<void>) {
    this.#area = area;
    this.#log = log;
    this.#tell = tell;
  }

  /** With what its log says. */
  static async open(area: number, folder: string, tell: (tick: Tick) => Promise<void>): Promise<Area> {
    const opened = new Area(area, await openLog(folder), tell);
    await opened.#readLog();
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

  /** Its next owner tells what the world has not confirmed. */
  async close(): Promise<void> {
    this.#isClosed = true;
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
          if (!this.#isClosed) this.#write({ told: tick.sequence });
        },
        // The game is over.
        () => {},
      );
    this.#telling.add(told);
    void told.then(() => this.#telling.delete(told));
  }
}
