import type { Clock } from '../../base/clock.ts';
import type { ProcessTable } from '../../base/process-table.ts';
import type { OtherNode } from './node-info.ts';
import type { OtherNodes } from './other-nodes.ts';
import { probePacket } from './packet.ts';
import type { Subjects } from './subjects.ts';
import type { Wire } from './wire.ts';

/** No one has listened for a node for so long, and it is dead. A node that changes its connection is back before. */
const missingMs = 14;
/** The same for a node that was silent lately: it may be about to reconnect. */
const unsteadyMs = 1_000;
/** One that nobody missed for so long is not missing any more. */
const forgottenMs = 500;

export interface MissingNodesOptions {
  readonly deadAfterMs: number;
  readonly clock: Clock;
  readonly subjects: Subjects;
  readonly nodes: OtherNodes;
  readonly processes: ProcessTable;
  wire(): Wire;
  /** Since when the wire is up. */
  upSince(): number | undefined;
  /** Asks a node whether it is there after all. */
  ask(node: string, incarnation: number): void;
  /** Tells the others. */
  gone(node: string, incarnation: number): void;
}

/** Nodes that nobody listens for: the server of NATS says so at once where a process has died. */
export class MissingNodes {
  readonly #options: MissingNodesOptions;
  /** Those that are looked for again soon. */
  readonly #sought = new Set<OtherNode>();

  constructor(options: MissingNodesOptions) {
    this.#options = options;
  }

  /** Looks whether someone listens for a node. */
  look(node: string, incarnation: number): void {
    const { subjects, wire } = this.#options;
    wire().probe(subjects.to(node, incarnation), probePacket, () => this.nobody(node, incarnation));
  }

  /**
   * No one listens for that incarnation of a node: twice, and it is dead. On one machine the process says it: one that is
   * there has lost its connection, and is dead when it was silent for too long.
   */
  nobody(node: string, incarnation: number): void {
    const { ask, clock, deadAfterMs, nodes, processes, upSince } = this.#options;
    const other = nodes.live(node, incarnation);
    const up = upSince();
    const now = clock.now();
    if (other === undefined || up === undefined) return;
    const { mark } = other;
    const isNear = mark !== undefined && mark.place === processes.own()?.place;
    if (isNear && processes.isGone(mark)) {
      this.#dead(other, 'its process has ended');
      return;
    }
    // Where the wire was away lately, others are not back yet.
    if (now - up < deadAfterMs) return;
    const { missing } = other;
    const isSteady = other.state === 'up' && now - other.backAt >= deadAfterMs;
    if (missing === undefined || now - missing.at > forgottenMs) {
      other.missing = { since: now, at: now };
      ask(node, incarnation);
    } else if (!isNear && now - missing.since >= (isSteady ? missingMs : unsteadyMs)) {
      this.#dead(other, 'nobody listens there');
      return;
    } else missing.at = now;
    this.#lookAgain(other);
  }

  #dead(other: OtherNode, reason: string): void {
    this.#options.nodes.change(other, 'dead', reason);
    this.#options.gone(other.id, other.incarnation);
  }

  #lookAgain(other: OtherNode): void {
    if (this.#sought.has(other)) return;
    this.#sought.add(other);
    const look = (): void => {
      this.#sought.delete(other);
      this.look(other.id, other.incarnation);
    };
    this.#options.clock.setTimer(look, missingMs + 1, true);
  }
}
