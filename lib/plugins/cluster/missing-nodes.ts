import type { Clock } from '../../base/clock.ts';
import type { OtherNodes } from './other-nodes.ts';
import { probePacket } from './packet.ts';
import type { Subjects } from './subjects.ts';
import type { Wire } from './wire.ts';

/** No one has listened for a node for so long, and it is dead. A node that changes its connection is back before. */
const missingMs = 14;
/** What was known of a missing node is of no use after that. */
const forgottenMs = 500;

export interface MissingNodesOptions {
  readonly deadAfterMs: number;
  readonly clock: Clock;
  readonly subjects: Subjects;
  readonly nodes: OtherNodes;
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

  constructor(options: MissingNodesOptions) {
    this.#options = options;
  }

  /** Looks whether someone listens for a node. */
  look(node: string, incarnation: number): void {
    const { subjects, wire } = this.#options;
    wire().probe(subjects.to(node, incarnation), probePacket, () => this.nobody(node, incarnation));
  }

  /** No one listens for that incarnation of a node: twice, and it is dead. */
  nobody(node: string, incarnation: number): void {
    const { ask, clock, deadAfterMs, gone, nodes, upSince } = this.#options;
    const other = nodes.live(node, incarnation);
    const up = upSince();
    const now = clock.now();
    // Where the wire was away lately, others are not back yet.
    if (other === undefined || up === undefined || now - up < deadAfterMs) return;
    const since = other.missingSince;
    if (since === undefined || now - since > forgottenMs) {
      other.missingSince = now;
      ask(node, incarnation);
      clock.setTimer(() => this.look(node, incarnation), missingMs + 1, true);
    } else if (now - since >= missingMs) {
      nodes.change(other, 'dead', 'nobody listens there');
      gone(node, incarnation);
    }
  }
}
