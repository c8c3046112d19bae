import type { AreaReport, Command, Tick } from './contract.ts';
import { Journal } from './journal.ts';
import { Sequence, type SequenceState } from './sequence.ts';

/** What an area leaves to its next owner. */
export interface AreaState {
  readonly commands: SequenceState;
  readonly bots: readonly number[];
  readonly traded: number;
  readonly ticks: number;
}

type Fact = { readonly command: Command } | { readonly tick: Tick } | { readonly told: number };

/**
 * A part of the map, in the hands of one zone at a time. It journals each command before it confirms it, and each tick
 * before it tells it, so that an owner that follows a SIGKILL carries on with the same numbers.
 */
export class Area {
  readonly #area: number;
  readonly #journal: Journal;
  readonly #tell: (tick: Tick) => Promise<void>;
  readonly #commands: Sequence;
  readonly #bots: Set<number>;
  readonly #telling = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #traded: number;
  #ticks: number;
  #isLost = false;

  /** With what the last owner left, or, where that one could not, what the journal says. */
  constructor(area: number, left: AreaState | undefined, journal: Journal, tell: (tick: Tick) => Promise<void>) {
    this.#area = area;
    this.#journal = journal;
    this.#tell = tell;
    this.#commands = new Sequence(left?.commands);
    this.#bots = new Set(left?.bots);
    this.#traded = left?.traded ?? 0;
    this.#ticks = left?.ticks ?? 0;
    if (left === undefined) this.#readJournal();
    this.#timer = setInterval(() => this.#tick(), 100);
  }

  take(command: Command): void {
    if (this.#apply(command)) this.#journal.write({ command });
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
    this.lost();
    return { commands: this.#commands.state, bots: [...this.#bots], traded: this.#traded, ticks: this.#ticks };
  }

  /** Lets go of what it holds; it may be another's already. */
  lost(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    clearInterval(this.#timer);
    this.#journal.close();
  }

  #readJournal(): void {
    const untold = new Map<number, Tick>();
    for (const fact of this.#journal.facts() as Fact[]) {
      if ('command' in fact) {
        this.#apply(fact.command);
      } else if ('tick' in fact) {
        this.#ticks = fact.tick.sequence;
        untold.set(this.#ticks, fact.tick);
      } else {
        untold.delete(fact.told);
      }
    }
    for (const tick of untold.values()) this.#post(tick);
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
    this.#journal.write({ tick });
    this.#post(tick);
  }

  #post(tick: Tick): void {
    const told = this.#tell(tick).then(
      () => {
        if (!this.#isLost) this.#journal.write({ told: tick.sequence });
      },
      // The game is over.
      () => {},
    );
    this.#telling.add(told);
    void told.then(() => this.#telling.delete(told));
  }
}
