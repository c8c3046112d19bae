import { BoundedTurns } from '../../../base/bounded-turns.ts';
import type { PeerHandle } from '../../../bus/plugin.ts';
import { whereOf } from './spanning-messages.ts';

/** What may wait here of one client for other nodes. */
const maxWaitingBytes = 8_388_608;

/** A client here that other nodes know. */
interface Visitor {
  readonly nodes: Set<string>;
  readonly turns: BoundedTurns;
}

/** The clients of this node that others know, as they were told. */
export class Visitors {
  readonly #tell: (node: string, data: unknown) => void;
  readonly #visitors = new Map<PeerHandle, Visitor>();

  constructor(tell: (node: string, data: unknown) => void) {
    this.#tell = tell;
  }

  /** The nodes that know a client; some of them more than once. */
  get nodes(): string[] {
    return Array.from(this.#visitors.values(), ({ nodes }) => [...nodes]).flat();
  }

  /** Whether a node knows a client. */
  has(client: PeerHandle, node: string): boolean {
    return this.#visitors.get(client)?.nodes.has(node) === true;
  }

  /** What a client has to say to other nodes, one after the other; this one knows it from now on. */
  turns(client: PeerHandle, node: string): BoundedTurns {
    let visitor = this.#visitors.get(client);
    if (visitor === undefined) {
      visitor = {
        nodes: new Set(),
        turns: new BoundedTurns(maxWaitingBytes, 'messages of a client wait for other nodes'),
      };
      this.#visitors.set(client, visitor);
    }
    if (!visitor.nodes.has(node)) {
      visitor.nodes.add(node);
      this.#tell(node, ['open', client.id, ...whereOf(client)]);
    }
    return visitor.turns;
  }

  withdraw(client: PeerHandle): void {
    const visitor = this.#visitors.get(client);
    if (visitor === undefined) return;
    this.#visitors.delete(client);
    visitor.turns.close();
    for (const node of visitor.nodes) this.#tell(node, ['close', client.id]);
  }

  /** A node is gone; where it is there and has forgotten them, it is told in case it knows some by now. */
  leave(node: string, isThere: boolean): void {
    for (const [client, { nodes }] of this.#visitors) {
      if (nodes.delete(node) && isThere) this.#tell(node, ['close', client.id]);
    }
  }
}
