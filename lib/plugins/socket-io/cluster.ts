import { guarded } from '../../base/handling.ts';
import type { Lane, LaneRequestContext, PeerHandle, PluginHost } from '../../bus/plugin.ts';
import { type Answer, type Frame, isAnswer, type Message, readFrame } from './frame.ts';
import type { NodeSettings } from './options.ts';
import { Outlet } from './outlet.ts';
import { type RemoteNode, RemoteNodes } from './remote-nodes.ts';

/** A node of this process: the adapter that a server has for one namespace. */
export interface LocalNode {
  readonly id: string;
  readonly namespace: string;
  /** Takes another id. */
  rename(): void;
  /** Another node of the namespace is there. */
  came(id: string): void;
  /** It is there no more, and answers nothing. */
  left(id: string): void;
  heard(message: Message): void;
  answered(answer: Answer): void;
}

/** The nodes there are, and what they tell each other: within this process, and over the lane with all others. */
export abstract class Cluster {
  protected readonly host: PluginHost;
  protected readonly lane: Lane;
  protected readonly remote = new RemoteNodes();
  readonly #outlet: Outlet;
  readonly #local = new Map<string, Set<LocalNode>>();

  constructor(host: PluginHost, { maxWaitingBytes }: NodeSettings) {
    this.host = host;
    this.lane = host.lane({
      message: (data, peer) => this.#heard(readFrame(data), peer),
      request: (data, context) => this.asked(data, context),
    });
    this.#outlet = new Outlet({
      lane: this.lane,
      maxWaitingBytes,
      report: (error, peer) => host.report(error, peer),
    });
    host.onDisconnect((peer) => {
      for (const node of [...this.remote.of(peer)]) this.drop(node);
    });
  }

  get clock(): PluginHost['clock'] {
    return this.host.clock;
  }

  enter(node: LocalNode): void {
    const { id, namespace } = node;
    const nodes = this.#local.get(namespace) ?? new Set();
    for (const other of nodes) {
      this.#tell(() => other.came(id));
      node.came(other.id);
    }
    for (const other of this.remote.in(namespace)) node.came(other.id);
    this.#local.set(namespace, nodes.add(node));
    this.entered(node);
  }

  /** Once; later ones do nothing. */
  leave(node: LocalNode): void {
    const nodes = this.#local.get(node.namespace);
    if (nodes?.delete(node) !== true) return;
    if (nodes.size === 0) this.#local.delete(node.namespace);
    for (const other of nodes) this.#tell(() => other.left(node.id));
    this.departed(node);
  }

  publish(node: LocalNode, message: Message): void {
    if (!this.#has(node)) return;
    this.send(this.audience(node.namespace), message);
    this.#deliver(node.namespace, message);
  }

  answer(node: LocalNode, answer: Answer): void {
    if (this.#has(node)) this.#route(node.namespace, answer);
  }

  /** A request of the lane. */
  protected abstract asked(data: unknown, context: LaneRequestContext): unknown;
  protected abstract entered(node: LocalNode): void;
  protected abstract departed(node: LocalNode): void;
  /** Who is to hear what is said in a namespace; `from`: by whom, unless by a node of this process. */
  protected abstract audience(namespace: string, from?: PeerHandle): Iterable<PeerHandle>;
  /** A peer reports a node. */
  protected abstract told(id: string, namespace: string, peer: PeerHandle): void;
  /** A peer speaks for a node of another peer. */
  protected abstract misattributed(): void;

  protected localIn(namespace: string): Iterable<LocalNode> {
    return this.#local.get(namespace) ?? [];
  }

  protected get local(): LocalNode[] {
    return [...this.#local.values()].flatMap((nodes) => [...nodes]);
  }

  protected add(node: RemoteNode): void {
    this.remote.add(node);
    for (const local of this.localIn(node.namespace)) this.#tell(() => local.came(node.id));
  }

  /** A node of another process is gone: all others of its namespace are told. */
  protected drop(node: RemoteNode): void {
    const { id, namespace, peer } = node;
    this.remote.remove(node);
    this.send(this.audience(namespace, peer), ['leave', id]);
    for (const local of this.localIn(namespace)) this.#tell(() => local.left(id));
  }

  /** Has the node be another one to all others. */
  protected renew(node: LocalNode): void {
    const others = [...this.localIn(node.namespace)].filter((other) => other !== node);
    for (const other of others) this.#tell(() => other.left(node.id));
    node.rename();
    for (const other of others) this.#tell(() => other.came(node.id));
  }

  protected send(peers: Iterable<PeerHandle>, frame: Frame): void {
    for (const peer of peers) this.#outlet.send(peer, frame);
  }

  #heard(frame: Frame, peer: PeerHandle): void {
    if (frame[0] === 'enter') {
      this.told(frame[1], frame[2], peer);
      return;
    }
    const node = this.remote.get(frame[1]);
    if (node?.peer !== peer) {
      this.misattributed();
      return;
    }
    const { namespace } = node;
    if (frame[0] === 'leave') {
      this.drop(node);
    } else if (isAnswer(frame)) {
      this.#route(namespace, frame);
    } else {
      this.send(this.audience(namespace, peer), frame);
      this.#deliver(namespace, frame);
    }
  }

  #deliver(namespace: string, message: Message): void {
    for (const node of this.localIn(namespace)) {
      if (node.id !== message[1]) this.#tell(() => node.heard(message));
    }
  }

  #route(namespace: string, answer: Answer): void {
    const to = answer[2];
    for (const node of this.localIn(namespace)) {
      if (node.id === to) {
        this.#tell(() => node.answered(answer));
        return;
      }
    }
    const node = this.remote.get(to);
    if (node?.namespace === namespace) this.send([node.peer], answer);
  }

  #has(node: LocalNode): boolean {
    return this.#local.get(node.namespace)?.has(node) === true;
  }

  /** What the listeners of one server throw keeps nothing from the others. */
  #tell(task: () => void): void {
    guarded(task, (error) => this.host.report(error));
  }
}
