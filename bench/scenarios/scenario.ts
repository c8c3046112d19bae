import type { Adapter, ClientEnd, ServerEnd } from '../adapters/adapter.ts';
import type { Numbers, Params } from '../control/commands.ts';
import type { Remote } from '../control/desk.ts';
import type { Counter } from '../counter.ts';

/** What a scenario's own commands get in the process of the server. */
export interface ServerSide {
  readonly end: ServerEnd;
  /** Messages that arrived. */
  readonly messages: Counter;
}

/** Likewise in the process of the clients. */
export interface ClientSide {
  readonly ends: readonly ClientEnd[];
  /** Messages that arrived, at all clients together. */
  readonly messages: Counter;
  /** Connects further clients, one after the other. */
  more(clients: number): Promise<void>;
}

/** How long a measurement takes; short for the smoke form. */
export interface Pace {
  readonly warmMs: number;
  readonly measureMs: number;
  readonly quick: boolean;
}

/** The two processes of one run, connected and ready. */
export interface Stage {
  readonly server: Remote;
  readonly clients: Remote;
  readonly pace: Pace;
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
}

export interface Scenario {
  readonly name: string;
  /** One sentence: what is done and what is measured. */
  readonly title: string;
  /** The first is the one that tables compare. */
  readonly metrics: readonly Metric[];
  readonly variants: readonly Variant[];
  /** Fewer runs than asked for, where one run is long. */
  readonly maxRuns?: number;
  /** Which peers can take part. */
  suits(adapter: Adapter, variant: Variant): boolean;
  /** The names of the numbers are those of `metrics`. */
  measure(stage: Stage, variant: Variant): Promise<Numbers>;
  readonly serverCommands?: Readonly<Record<string, (side: ServerSide, params: Params) => Promise<Numbers>>>;
  readonly clientCommands?: Readonly<Record<string, (side: ClientSide, params: Params) => Promise<Numbers>>>;
}

export function hasRoomFor({ maxClients = Number.POSITIVE_INFINITY }: Adapter, { clients }: Variant): boolean {
  return clients <= maxClients;
}
