import type { Clock } from '../../../base/clock.ts';
import type { ProcessTable } from '../../../base/process-table.ts';
import type { OtherNode } from '../node-info.ts';
import { probePacket } from '../wire/packet.ts';
import type { Subjects } from '../wire/subjects.ts';
import type { Wire } from '../wire/wire.ts';
import type { OtherNodes } from './other-nodes.ts';

/** No one has listened for a node for so long, at neither of its connections, and it is dead. */
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
   * No one listens for that incarnation of a node. On one machine the process says whether it is dead. Elsewhere its second connection
   * does, by which a node that lost the first one is still there: it is dead when it was silent for too long.
   */
  nobody(node: string, incarnation: number): void {
    const { ask, processes, subjects, wire } = this.#options;
    const other = this.#judged(node, incarnation);
    if (other === undefined) return;
    const { mark } = other;
    const isNear = mark !== undefined && mark.place === processes.own()?.place;
    if (isNear && processes.isGone(mark)) {
      this.#dead(other, 'its process has ended');
      return;
    }
    if (!this.#isCertain) return;
    const { missing } = other;
    const now = this.#options.clock.now();
    if (missing === undefined || now - missing.at > forgottenMs) {
      other.missing = { since: now, at: now };
      ask(node, incarnation);
    } else missing.at = now;
    if (!isNear)
      wire().probe(subjects.standby(node, incarnation), probePacket, () => this.#deserted(node, incarnation));
    this.#lookAgain(other);
  }

  /** Neither of a node's connections is there: for a while, and it is dead. */
  #deserted(node: string, incarnation: number): void {
    const { clock, deadAfterMs } = this.#options;
    const other = this.#judged(node, incarnation);
    if (other?.missing === undefined || !this.#isCertain) return;
    const now = clock.now();
    const isSteady = other.state === 'up' && now - other.backAt >= deadAfterMs;
    if (now - other.missing.since >= (isSteady ? missingMs : unsteadyMs)) this.#dead(other, 'nobody listens there');
  }

  /** A node of which something can be said. */
  #judged(node: string, incarnation: number): OtherNode | undefined {
    return this.#options.upSince() === undefined ? undefined : this.#options.nodes.live(node, incarnation);
  }

  /** Where the wire was away lately, others are not back yet. */
  get #isCertain(): boolean {
    const { clock, deadAfterMs, upSince } = this.#options;
    const up = upSince();
    return up !== undefined && clock.now() - up >= deadAfterMs;
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
