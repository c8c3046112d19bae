import type { Contract } from 'busbar';
import type { Tally } from './sequence.ts';

// What travels on the three buses of the game. The types are checked by the compiler, on both ends.

/** Between the world and the bots. */
export interface PlayersBus extends Contract {
  readonly payload: { readonly process: number };
  readonly toServer: {
    readonly message: Move;
    readonly request: Spawn | Trade;
    readonly response: { readonly zone: number };
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

/** Between the world and its zones. */
export interface ZonesBus extends Contract {
  readonly payload: { readonly zone: number };
  readonly toServer: { readonly message: Tick };
  readonly toClient: { readonly message: Command; readonly request: 'population'; readonly response: number };
}

/** What a bot did in the zone; `sequence` counts the commands to this zone. */
export type Command = (Move | Spawn | Trade) & { readonly order: number };

/** A zone's news, ten times a second. */
export interface Tick {
  readonly zone: number;
  readonly sequence: number;
  readonly population: number;
  readonly traded: number;
}

/** Between the supervisor and every process of the game. */
export interface ControlBus extends Contract {
  /** Who is there, ready to work. */
  readonly payload: Arrival;
  readonly toClient: { readonly request: 'progress' | 'stop' | 'report'; readonly response: Progress | Report | null };
}

export interface Arrival {
  readonly role: Role;
  readonly index: number;
  readonly pid: number;
  /** The world's: where its two buses are. */
  readonly players?: string;
  readonly zones?: string;
}

export type Role = 'world' | 'zone' | 'bots';

/** How far the world is. */
export interface Progress {
  readonly moves: number;
  readonly trades: number;
  readonly snapshots: number;
  readonly zonesUp: number;
}

export type Report = WorldReport | ZoneReport | BotsReport;

export interface WorldReport {
  readonly role: 'world';
  readonly moves: Tally;
  readonly ticks: Tally;
  /** Commands sent to each zone, and how many of them were sent again after its end. */
  readonly commands: readonly { readonly sent: number; readonly again: number }[];
  readonly snapshots: number;
  readonly surveys: Answers;
  readonly pings: Answers;
}

export interface Answers {
  readonly asked: number;
  readonly answered: number;
}

export interface ZoneReport {
  readonly role: 'zone';
  readonly zone: number;
  readonly commands: Tally;
  readonly ticksSent: number;
  readonly ticksAgain: number;
}

export interface BotsReport {
  readonly role: 'bots';
  readonly movesSent: number;
  readonly spawns: Answers;
  readonly trades: Answers;
  /** Microseconds that each answered request took. */
  readonly latencies: readonly number[];
  readonly snapshots: Tally;
  /** The number of the first snapshot that each bot saw. */
  readonly firstSnapshots: readonly number[];
  readonly linksCut: number;
  readonly resumed: number;
}
