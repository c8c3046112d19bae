import type { NodeChange, WorldStatus } from '../node-info.ts';
import type { UndeliveredToPeer } from '../sessions/receipts.ts';

/** The events of a world and their listeners. */
export interface WorldEvents {
  /** A node changed its state. */
  node(node: NodeChange): unknown;
  status(status: WorldStatus): unknown;
  /** A node sent a message to this one, by `peer(id).send`; handled when all listeners have returned and what they returned has settled. */
  message(data: unknown, from: string): unknown;
  /** Messages to a node, or to clients of it, that it did not acknowledge before it died or left; each with whom it was for. */
  undelivered(messages: readonly UndeliveredToPeer[]): unknown;
}

/** What a handler of requests is told beside the request. */
export interface WorldContext {
  /** The node that asks. */
  readonly from: string;
  /** Fires when the requester stopped waiting, or is gone. */
  readonly signal: AbortSignal;
  /** Milliseconds it will still wait; undefined: no limit. */
  readonly deadline: number | undefined;
}

/** A client anywhere in the world. */
export interface WorldConnection {
  readonly id: string;
  readonly node: string;
  readonly groups: readonly string[];
}
