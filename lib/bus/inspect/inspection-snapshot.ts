import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { version } from '../../base/version.ts';
import type { ContractMismatch } from '../../wire/contracts.ts';
import type { ResolvedServerOptions } from '../options.ts';
import type { Connection } from '../server/connection.ts';
import type { Stats } from '../stats.ts';

/** What a looker gets of one client. Counts are of all lanes, from the beginning. */
export interface PeerRow {
  readonly id: string;
  readonly name: string | undefined;
  readonly address: string | undefined;
  readonly link: string | undefined;
  readonly attached: boolean;
  readonly delivery: string;
  readonly since: number;
  readonly sent: number;
  readonly received: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly requestsSent: number;
  readonly requestsReceived: number;
  /** To the client, and of it. */
  readonly open: number;
  readonly handling: number;
  readonly unackedMessages: number;
  readonly unackedBytes: number;
  readonly waiting: number;
  readonly roundTripMs: number | undefined;
  readonly slow: number;
  readonly late: number;
  readonly fallbacks: number;
  readonly contracts: ContractMismatch | undefined;
}

/** What a looker gets of the server and its process. */
export interface Snapshot {
  readonly at: number;
  readonly address: string | undefined;
  readonly pid: number;
  readonly node: string;
  /** The version of busbar; undefined of servers that do not say it. */
  readonly busbar: string | undefined;
  readonly uptimeS: number;
  readonly memoryBytes: number;
  /** Microseconds of a processor that the process had. */
  readonly cpuUs: number;
  /** How much later than it should the event loop came around, since the last snapshot; undefined at first. */
  readonly loopMs: { readonly p99: number; readonly max: number } | undefined;
  readonly limits: Readonly<Record<string, number>>;
  readonly stats: Stats;
  /** All clients; or those that are different from what the looker has, and `gone` the ids of those that are no more. */
  readonly peers: readonly PeerRow[];
  readonly gone: readonly string[];
  /** Of the snapshot that the looker has to have for that; 0 where `peers` are all. */
  readonly after: number;
  readonly serial: number;
  /** Clients that are not among all these. */
  readonly peersLeftOut: number;
}

/** What one looker has of the clients, so that it is sent what changed. */
export class SeenRows {
  #rows = new Map<string, PeerRow>();
  #serial = 0;

  /** What is different in `rows` for a looker that has the snapshot `has`. */
  changes(rows: readonly PeerRow[], has: unknown): Pick<Snapshot, 'peers' | 'gone' | 'after' | 'serial'> {
    const before: ReadonlyMap<string, PeerRow> = has === this.#serial ? this.#rows : new Map();
    const after = has === this.#serial ? this.#serial : 0;
    this.#rows = new Map(rows.map((row) => [row.id, row]));
    this.#serial += 1;
    return {
      peers: before.size === 0 ? rows : rows.filter((row) => !isSame(row, before.get(row.id))),
      gone: [...before.keys()].filter((id) => !this.#rows.has(id)),
      after,
      serial: this.#serial,
    };
  }
}

function isSame(row: PeerRow, before: PeerRow | undefined): boolean {
  // What else there is of a client changes with one of these, or never.
  return (
    before !== undefined &&
    row.bytesReceived === before.bytesReceived &&
    row.bytesSent === before.bytesSent &&
    row.attached === before.attached &&
    row.address === before.address &&
    row.open === before.open &&
    row.handling === before.handling &&
    row.unackedMessages === before.unackedMessages &&
    row.unackedBytes === before.unackedBytes &&
    row.waiting === before.waiting &&
    row.roundTripMs === before.roundTripMs &&
    row.slow === before.slow &&
    row.late === before.late &&
    row.fallbacks === before.fallbacks
  );
}

const mostRows = 10_000;
const resolutionMs = 20;

/** @param epoch 0 of the clock of the bus, in milliseconds since 1970. */
function rowOf(connection: Connection, name: string | undefined, epoch: number): PeerRow {
  const { conversation } = connection;
  const { traffic, queues, session, requests, incoming } = conversation;
  const row = {
    id: connection.id,
    name,
    address: connection.remoteAddress,
    link: connection.linkKind,
    attached: connection.attached,
    delivery: connection.delivery,
    since: Math.round(epoch + traffic.since),
    sent: 0,
    received: 0,
    bytesSent: 0,
    bytesReceived: 0,
    requestsSent: 0,
    requestsReceived: 0,
    open: requests.open,
    handling: Math.max(incoming.open, incoming.running),
    unackedMessages: session?.unacknowledged ?? 0,
    unackedBytes: (session?.pendingBytes ?? 0) - (session?.uncut.bytes ?? 0),
    waiting: queues.user.length + queues.lanes.length + (session?.uncut.messages ?? 0),
    roundTripMs: traffic.roundTrips === undefined ? undefined : traffic.roundTrips.sum / traffic.roundTrips.count,
    slow: traffic.slow,
    late: connection.lateResponses,
    fallbacks: connection.contractFallbacks,
    contracts: conversation.contracts?.mismatch,
  };
  for (const [, lane] of traffic.lanes()) {
    row.sent += lane.messagesSent;
    row.received += lane.messagesReceived;
    row.bytesSent += lane.bytesSent;
    row.bytesReceived += lane.bytesReceived;
    row.requestsSent += lane.requestsSent;
    row.requestsReceived += lane.requestsReceived;
  }
  return row;
}

/** Takes snapshots of a server. From the first one on until `stop`, it has the delay of the event loop measured. */
export class Snapshots {
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined;
  #epoch: number | undefined;

  /** `seen`: what the looker has, if it is to get what changed since the snapshot `has`. */
  take(
    connections: Iterable<Connection>,
    options: ResolvedServerOptions,
    about: {
      readonly address: string | undefined;
      readonly stats: Stats;
      nameOf(peer: Connection): string | undefined;
      readonly seen: SeenRows;
      readonly has: unknown;
    },
  ): Snapshot {
    this.#epoch ??= Date.now() - options.clock.now();
    const peers: PeerRow[] = [];
    let peersLeftOut = 0;
    for (const connection of connections) {
      if (peers.length < mostRows) peers.push(rowOf(connection, about.nameOf(connection), this.#epoch));
      else peersLeftOut += 1;
    }
    const { max, maxUnackedBytes, maxPendingMessages, maxOpenRequests, maxDetached } = options;
    const { user, system } = process.cpuUsage();
    return {
      at: Date.now(),
      address: about.address,
      pid: process.pid,
      node: process.versions.node,
      busbar: version,
      uptimeS: process.uptime(),
      memoryBytes: process.memoryUsage.rss(),
      cpuUs: user + system,
      loopMs: this.#delayed(),
      limits: { max, maxUnackedBytes, maxPendingMessages, maxOpenRequests, maxDetached },
      stats: about.stats,
      ...about.seen.changes(peers, about.has),
      peersLeftOut,
    };
  }

  stop(): void {
    this.#delay?.disable();
    this.#delay = undefined;
  }

  #delayed(): Snapshot['loopMs'] {
    if (this.#delay === undefined) {
      this.#delay = monitorEventLoopDelay({ resolution: resolutionMs });
      this.#delay.enable();
      return undefined;
    }
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolutionMs);
    const measured = { p99: late(this.#delay.percentile(99)), max: late(this.#delay.max) };
    this.#delay.reset();
    return measured;
  }
}
