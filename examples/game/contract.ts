import type { Contract } from 'busbar';
import type { Tally } from './sequence.ts';
import type { Outcome } from './summary.ts';

// What travels between the processes of the game. The types are checked by the compiler, on both ends.

/** Between the world and the bots. */
export interface PlayersBus extends Contract {
  readonly payload: { readonly process: number };
  readonly toServer: {
    readonly message: Move;
    readonly request: Spawn | Trade;
    readonly response: { readonly area: number };
  };
  readonly toClient: { readonly message: Snapshot };
}

export interface Move {
  readonly kind: 'move';
  /** Counts the moves of this bot. */
  readonly sequence: number;
  readonly bot: number;
  readonly x: number;
  readonly y: number;
}

export interface Spawn {
  readonly kind: 'spawn';
  readonly bot: number;
}

export interface Trade {
  readonly kind: 'trade';
  readonly bot: number;
  readonly amount: number;
}

/** The whole world as the bots see it, ten times a second. */
export interface Snapshot {
  readonly kind: 'snapshot';
  readonly sequence: number;
  /** x and y of every bot, one after the other. */
  readonly positions: readonly number[];
}

/** The services of the game, around their hub, which owns the key `game` of the main program. */
export interface Offers {
  readonly game: {
    play(): Promise<void>;
    finish(): Promise<Outcome>;
    end(): void;
  };
  /** With keys, the areas of the map: zones own them. */
  readonly area: {
    take(command: Command): void;
    population(): number;
    /** Begins nothing new, and resolves when nothing is in flight. */
    stop(): Promise<void>;
    report(): AreaReport;
  };
  /** Of each zone. */
  readonly census: { population(): number };
  /** With the one key `world`. */
  readonly world: {
    /** Where bots find it. */
    address(): string;
    tick(tick: Tick): void;
    progress(): Progress;
    stop(): Promise<void>;
    report(): WorldReport;
  };
  /** With keys, the groups of them. */
  readonly bots: {
    play(): void;
    cutLinks(): void;
    stop(): Promise<void>;
    report(): Promise<BotsReport>;
  };
}

/** What a bot did in the area; `order` counts the commands to this area. */
export type Command = (Move | Spawn | Trade) & { readonly order: number };

/** An area's news, ten times a second. */
export interface Tick {
  readonly area: number;
  readonly sequence: number;
  readonly population: number;
  readonly traded: number;
}

/** How far the world is. */
export interface Progress {
  readonly moves: number;
  readonly trades: number;
  readonly snapshots: number;
}

/** What all processes counted. */
export interface Reports {
  readonly world: WorldReport;
  readonly areas: readonly AreaReport[];
  readonly bots: readonly BotsReport[];
}

export interface WorldReport {
  readonly moves: Tally;
  readonly ticks: Tally;
  readonly commandsSent: number;
  readonly snapshots: number;
  readonly surveys: Answers;
  readonly pings: Answers;
}

export interface Answers {
  readonly asked: number;
  readonly answered: number;
}

export interface AreaReport {
  readonly commands: Tally;
  readonly ticksSent: number;
}

export interface BotsReport {
  readonly movesSent: number;
  readonly spawns: Answers;
  readonly trades: Answers;
  /** Microseconds that each answered request took. */
  readonly latencies: readonly number[];
  readonly snapshots: Tally;
  /** The number of the first snapshot that each bot saw since it came last. */
  readonly firstSnapshots: readonly number[];
  /** Those that they were to see before that. */
  readonly snapshotsDue: number;
  readonly linksCut: number;
  readonly resumed: number;
}
