import { BusError } from '../../base/errors.ts';
import type { PeerHandle, PluginHost } from '../../bus/plugin.ts';
import { Cluster, type LocalNode } from './cluster.ts';
import { areNodes, type NodeEntry } from './frame.ts';
import type { NodeSettings } from './options.ts';

/** Nodes that a hub may report. */
const mostNodes = 100_000;

/** A client's end: its nodes are there for the others while it has a session with the hub, in which they were let in. */
export class MemberCluster extends Cluster {
  /** The hub that let this client in. */
  #hub: PeerHandle | undefined;
  /** What was entered once, whose name an older session may still have. */
  readonly #entered = new WeakSet<LocalNode>();

  constructor(host: PluginHost, settings: NodeSettings) {
    super(host, settings);
    let [connected] = host.peers;
    host.onConnect((peer) => {
      connected = peer;
    });
    host.onReady(async () => {
      if (connected !== undefined) await this.#begin(connected);
    });
    host.onDisconnect(() => {
      connected = this.#hub = undefined;
    });
    // Nobody waits for a client that is connected already.
    if (connected !== undefined) this.#begin(connected).catch((error: unknown) => host.report(error));
  }

  protected asked(): never {
    throw new BusError('ERR_PROTOCOL', 'A hub sends no requests');
  }

  protected entered(node: LocalNode): void {
    if (this.#hub === undefined) return;
    this.#enter(this.#hub, [node]).catch((error: unknown) => this.host.report(error));
  }

  protected departed({ id, namespace }: LocalNode): void {
    this.send(this.audience(namespace), ['leave', id]);
    if (this.#isEmpty(namespace)) for (const node of [...this.remote.in(namespace)]) this.remote.remove(node);
  }

  /** What the hub says is not handed on. */
  protected audience(_namespace: string, from?: PeerHandle): Iterable<PeerHandle> {
    return from === undefined && this.#hub !== undefined ? [this.#hub] : [];
  }

  protected told(id: string, namespace: string, peer: PeerHandle): void {
    // It may have crossed the last node of the namespace, which left.
    if (this.#isEmpty(namespace) || this.remote.get(id) !== undefined) return;
    if (this.remote.of(peer).size >= mostNodes) throw new BusError('ERR_PROTOCOL', 'The hub named too many nodes');
    this.add({ id, namespace, peer });
  }

  /** As for `told`. */
  protected misattributed(): void {}

  async #begin(peer: PeerHandle): Promise<void> {
    const first = this.local;
    for (const node of first) if (this.#entered.has(node)) this.renew(node);
    await this.#enter(peer, first);
    this.#hub = peer;
    const left = new Set(this.local);
    for (const node of first) if (!left.delete(node)) this.departed(node);
    for (const node of left) this.entered(node);
  }

  async #enter(peer: PeerHandle, nodes: readonly LocalNode[]): Promise<void> {
    const entries = nodes.map(({ id, namespace }): NodeEntry => [id, namespace]);
    for (const node of nodes) this.#entered.add(node);
    const others = await this.lane.request(peer, ['enter', entries]);
    if (!areNodes(others)) throw new BusError('ERR_PROTOCOL', 'The hub sent an invalid list of nodes');
    for (const [id, namespace] of others) this.told(id, namespace, peer);
  }

  #isEmpty(namespace: string): boolean {
    const [first] = this.localIn(namespace);
    return first === undefined;
  }
}
