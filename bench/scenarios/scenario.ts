import type { Adapter } from '../adapters/adapter.ts';
import type { Numbers, Params } from '../control/commands.ts';
import type { Remote } from '../control/desk.ts';

/** How long a measurement takes; short for the smoke form. */
export interface Pace {
  readonly warmMs: number;
  readonly measureMs: number;
  readonly quick: boolean;
}

/** One row of a scenario: the same thing at one size, rate or number of clients. */
export interface Variant {
  readonly name: string;
  readonly clients: number;
  readonly params: Params;
  /** Whether the smoke form runs it. */
  readonly quick?: boolean;
}

export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** Stands beside the main one in each cell of the document. */
  readonly beside?: boolean;
}

/** What one process of a run can be told. */
export type Commands = Readonly<Record<string, (params: Params) => Numbers | Promise<Numbers>>>;

/** Where a part of a run finds itself. */
export interface Place {
  /** Whose run it is. */
  readonly peer: string;
  /** A path for a socket, in a folder of the run that is removed afterwards. */
  readonly address: string;
  /** The file and arguments that start another part of this run. */
  program(part: string): { readonly file: string; readonly args: readonly string[] };
}

/** What one process of a run is there for. */
export type Part = (place: Place) => Commands;

/** One run: its processes are started for it and ended with it. */
export interface Stage {
  readonly pace: Pace;
  /** Starts the process of a part; it knows `memory` and `cpu` beside its own commands. */
  start(part: string): Promise<Remote>;
  /** The part that a process is about to start by itself. */
  expect(part: string): Promise<Remote>;
}

/** The bus itself, or one of its plugins. */
export const groups = ['bus', 'channels', 'rpc', 'gateway', 'interserve', 'dispatch', 'cluster', 'journal'] as const;
export type Group = (typeof groups)[number];

export interface Scenario {
  readonly name: string;
  readonly group: Group;
  /** One sentence: what is done and what is measured. */
  readonly title: string;
  /** The first is the one that tables compare. */
  readonly metrics: readonly Metric[];
  readonly variants: readonly Variant[];
  /** Fewer runs than asked for, where one run is long. */
  readonly maxRuns?: number;
  /** A program without which it is skipped by name. */
  readonly program?: string;
  readonly parts: Readonly<Record<string, Part>>;
  /** Who takes part, busbar first; `peers` are those of the bus that were asked for. */
  peers(variant: Variant, peers: readonly Adapter[]): readonly string[];
  /** The names of the numbers are those of `metrics`. */
  measure(stage: Stage, variant: Variant, peer: string): Promise<Numbers>;
}
