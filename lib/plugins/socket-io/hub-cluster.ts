import { BusError } from '../../base/errors.ts';
import { permits, refusalError } from '../../base/permission.ts';
import type { LaneRequestContext, PeerHandle, PluginHost } from '../../bus/plugin.ts';
import { Cluster, type LocalNode } from './cluster.ts';
import { type NodeEntry, readEntering } from './frame.ts';
import type { HubSettings } from './options.ts';

/** The server's end: it knows all nodes, has some of its own, and hands on what the others say. */
export class HubCluster extends Cluster {
  readonly #settings: HubSettings;
  readonly #allowed = new WeakSet<PeerHandle>();

  constructor(host: PluginHost, settings: HubSettings) {
    super(host, settings);
    this.#settings = settings;
  }

  /** Answered at once where it can be, so that nothing that follows overtakes the answer. */
  protected asked(data: unknown, context: LaneRequestContext): NodeEntry[] | Promise<NodeEntry[]> {
    const [, nodes] = readEntering(data);
    const { allow } = this.#settings;
    const { peer } = context;
    if (this.#allowed.has(peer)) return this.#enter(nodes, peer);
    if (allow !== undefined) return this.#admit(nodes, context, allow);
    if (peer.linkKind === 'websocket') throw unauthorized();
    this.#allowed.add(peer);
    return this.#enter(nodes, peer);
  }

  protected entered({ id, namespace }: LocalNode): void {
    this.send(this.audience(namespace), ['enter', id, namespace]);
  }

  protected departed({ id, namespace }: LocalNode): void {
    this.send(this.audience(namespace), ['leave', id]);
  }

  protected audience(namespace: string, from?: PeerHandle): Iterable<PeerHandle> {
    return this.remote.peersIn(namespace, from);
  }

  protected told(): never {
    throw new BusError('ERR_PROTOCOL', 'A node joins by a request');
  }

  protected misattributed(): never {
    throw new BusError('ERR_PROTOCOL', 'The node belongs to another client');
  }

  async #admit(
    nodes: readonly NodeEntry[],
    { peer, signal }: LaneRequestContext,
    allow: (peer: PeerHandle) => unknown,
  ): Promise<NodeEntry[]> {
    const isAllowed = await permits(() => allow(peer), this.clock, this.#settings.allowTimeoutMs).catch(
      (error: unknown) => {
        throw error instanceof BusError ? error : refusalError(error, (bug) => this.host.report(bug, peer));
      },
    );
    if (!isAllowed) throw unauthorized();
    // Its session may be over.
    signal.throwIfAborted();
    this.#allowed.add(peer);
    return this.#enter(nodes, peer);
  }

  #enter(nodes: readonly NodeEntry[], peer: PeerHandle): NodeEntry[] {
    const { maxNamespaces } = this.#settings;
    if (this.remote.of(peer).size + nodes.length > maxNamespaces) {
      throw new BusError('ERR_QUEUE_FULL', `A client can have at most ${maxNamespaces} namespaces`);
    }
    const ids = new Set(nodes.map(([id]) => id));
    if (ids.size < nodes.length || nodes.some(([id]) => this.#isTaken(id))) {
      throw new BusError('ERR_STATE', 'The node has joined already');
    }
    const namespaces = new Set<string>();
    for (const [id, namespace] of nodes) {
      this.send(this.audience(namespace, peer), ['enter', id, namespace]);
      this.add({ id, namespace, peer });
      namespaces.add(namespace);
    }
    return [...namespaces].flatMap((namespace) => [
      ...[...this.localIn(namespace)].map(({ id }): NodeEntry => [id, namespace]),
      ...[...this.remote.in(namespace)]
        .filter((node) => node.peer !== peer)
        .map(({ id }): NodeEntry => [id, namespace]),
    ]);
  }

  #isTaken(id: string): boolean {
    return this.remote.get(id) !== undefined || this.local.some((node) => node.id === id);
  }
}

function unauthorized(): BusError {
  return new BusError('ERR_UNAUTHORIZED', 'This client may not be a node of socket.io');
}
