import type { World } from '../world/world.ts';
import { ForeignPeer } from './foreign-peer.ts';

/** The clients of other nodes that a plugin here knows. */
export class ForeignPeers {
  readonly #world: World;
  readonly #left: (peer: ForeignPeer, isNodeGone: boolean) => void;
  /** By node, then by their ids there. */
  readonly #peers = new Map<string, Map<string, ForeignPeer>>();

  constructor(world: World, left: (peer: ForeignPeer, isNodeGone: boolean) => void) {
    this.#world = world;
    this.#left = left;
  }

  get nodes(): Iterable<string> {
    return this.#peers.keys();
  }

  get(node: string, connection: string): ForeignPeer | undefined {
    return this.#peers.get(node)?.get(connection);
  }

  add(node: string, connection: string): ForeignPeer {
    const peer = new ForeignPeer(this.#world, node, connection);
    const peers = this.#peers.get(node) ?? new Map<string, ForeignPeer>();
    this.#peers.set(node, peers.set(connection, peer));
    return peer;
  }

  leave(peer: ForeignPeer, isNodeGone = false): void {
    if (peer.isGone) return;
    peer.isGone = true;
    const peers = this.#peers.get(peer.node);
    peers?.delete(peer.connection);
    if (peers?.size === 0) this.#peers.delete(peer.node);
    this.#left(peer, isNodeGone);
  }

  /** A node is gone. */
  leaveAll(node: string): void {
    for (const peer of [...(this.#peers.get(node)?.values() ?? [])]) this.leave(peer, true);
  }
}
