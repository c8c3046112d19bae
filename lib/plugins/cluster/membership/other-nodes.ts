import type { NodeState, OtherNode } from '../node-info.ts';

/** The other nodes that are known, those too that are gone. */
export class OtherNodes {
  readonly #maxNodes: number;
  readonly #changed: (node: OtherNode, reason: string) => void;
  readonly #nodes = new Map<string, OtherNode>();

  constructor(maxNodes: number, changed: (node: OtherNode, reason: string) => void) {
    this.#maxNodes = maxNodes;
    this.#changed = changed;
  }

  get all(): Iterable<OtherNode> {
    return this.#nodes.values();
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(node: string): OtherNode | undefined {
    return this.#nodes.get(node);
  }

  /** A node that is up or suspect. */
  live(node: string, incarnation?: number): OtherNode | undefined {
    const other = this.#nodes.get(node);
    if (other === undefined || (incarnation !== undefined && other.incarnation !== incarnation)) return undefined;
    return other.state === 'up' || other.state === 'suspect' ? other : undefined;
  }

  /** Replaces the one with its name; false where there are as many as may be. */
  add(other: OtherNode): boolean {
    if (!this.#nodes.has(other.id) && !this.#makeRoom()) return false;
    this.#nodes.set(other.id, other);
    return true;
  }

  change(other: OtherNode, state: NodeState, reason: string): void {
    if (other.state === state) return;
    other.state = state;
    this.#changed(other, reason);
  }

  heardFrom(other: OtherNode, now: number): void {
    other.heardAt = now;
    other.missing = undefined;
    if (other.state !== 'suspect' && other.state !== 'dead') return;
    other.backAt = now;
    this.change(other, 'up', 'it is back');
  }

  /** Forgets a node that is gone where there are as many as may be. */
  #makeRoom(): boolean {
    if (this.#nodes.size < this.#maxNodes) return true;
    for (const { id, state } of this.#nodes.values()) {
      if (state === 'dead' || state === 'left') return this.#nodes.delete(id);
    }
    return false;
  }
}
