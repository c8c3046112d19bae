import { BusError } from '../../base/errors.ts';
import type { ProcessMark } from '../../base/process-table.ts';

export type NodeState = 'up' | 'suspect' | 'left' | 'dead';

/** A node as others know it. */
export interface OtherNode {
  readonly id: string;
  readonly incarnation: number;
  /** Its process, where it says. */
  readonly mark: ProcessMark | undefined;
  state: NodeState;
  /** Clients of its server. */
  connections: number;
  /** Of its last beat. */
  beat: number;
  heardAt: number;
  /** When it was back after it had been silent. */
  backAt: number;
  /** Since when no one listens there, and when that was last heard. */
  missing: { readonly since: number; at: number } | undefined;
}

/** A node that has just joined. */
export function newNode(
  id: string,
  incarnation: number,
  mark: ProcessMark | undefined,
  connections: number,
  heardAt: number,
): OtherNode {
  const backAt = Number.NEGATIVE_INFINITY;
  return { id, incarnation, mark, state: 'up', connections, beat: 0, heardAt, backAt, missing: undefined };
}

/** Where a node stands: `isolated` is one whose NATS is away, `refused` one that may not join. */
export type WorldStatus = 'joining' | 'joined' | 'isolated' | 'refused' | 'closed';

/** A node of the world. */
export interface NodeInfo {
  readonly id: string;
  readonly state: NodeState;
  /** Another one each time the node is started. */
  readonly incarnation: number;
  /** Clients of its server, as it last said; 0 where it left or is dead. */
  readonly connections: number;
}

/** What the event `node` tells. */
export interface NodeChange extends NodeInfo {
  /** Why it is in that state now, for people. */
  readonly reason: string;
}

/** What is told about a node. */
export function infoOf({ id, state, incarnation, connections }: OtherNode): NodeInfo {
  return { id, state, incarnation, connections: state === 'up' || state === 'suspect' ? connections : 0 };
}

/** What is on its way to a node that is gone rejects with. */
export function lostError({ id, state }: OtherNode, reason: string): BusError {
  return new BusError('ERR_NODE_LOST', `The node "${id}" ${state === 'left' ? 'left' : 'is dead'}: ${reason}`);
}
