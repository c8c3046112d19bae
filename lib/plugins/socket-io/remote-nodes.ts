import type { PeerHandle } from '../../bus/plugin.ts';

export interface RemoteNode {
  readonly id: string;
  readonly namespace: string;
  /** Whose it is at a hub; the hub itself at a client. */
  readonly peer: PeerHandle;
}

/** The nodes of other processes, by all that they are looked for by. */
export class RemoteNodes {
  readonly #byId = new Map<string, RemoteNode>();
  readonly #byNamespace = new Map<string, Set<RemoteNode>>();
  readonly #byPeer = new Map<PeerHandle, Set<RemoteNode>>();

  get(id: string): RemoteNode | undefined {
    return this.#byId.get(id);
  }

  in(namespace: string): Iterable<RemoteNode> {
    return this.#byNamespace.get(namespace) ?? [];
  }

  of(peer: PeerHandle): ReadonlySet<RemoteNode> {
    return this.#byPeer.get(peer) ?? new Set();
  }

  /** Those who have nodes of a namespace, but for one. */
  peersIn(namespace: string, but?: PeerHandle): Set<PeerHandle> {
    const peers = new Set<PeerHandle>();
    for (const { peer } of this.in(namespace)) if (peer !== but) peers.add(peer);
    return peers;
  }

  add(node: RemoteNode): void {
    this.#byId.set(node.id, node);
    put(this.#byNamespace, node.namespace, node);
    put(this.#byPeer, node.peer, node);
  }

  remove(node: RemoteNode): void {
    this.#byId.delete(node.id);
    take(this.#byNamespace, node.namespace, node);
    take(this.#byPeer, node.peer, node);
  }
}

function put<Key>(sets: Map<Key, Set<RemoteNode>>, key: Key, node: RemoteNode): void {
  const known = sets.get(key);
  if (known === undefined) sets.set(key, new Set([node]));
  else known.add(node);
}

function take<Key>(sets: Map<Key, Set<RemoteNode>>, key: Key, node: RemoteNode): void {
  const known = sets.get(key);
  known?.delete(node);
  if (known?.size === 0) sets.delete(key);
}
