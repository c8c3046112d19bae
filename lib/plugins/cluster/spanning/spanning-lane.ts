import type { BoundedTurns } from '../../../base/bounded-turns.ts';
import { BusError } from '../../../base/errors.ts';
import { guarded } from '../../../base/handling.ts';
import { codeOf } from '../../../base/thrown.ts';
import type {
  Lane,
  LaneHandlers,
  LaneRequestContext,
  LaneSendOptions,
  PeerHandle,
  PluginHost,
} from '../../../bus/plugin.ts';
import { noSuchClient, partsOf } from '../world/audience.ts';
import type { WorldLane } from '../world/world-lanes.ts';
import type { World } from '../world/world.ts';
import { ForeignPeer } from './foreign-peer.ts';
import { ForeignPeers } from './foreign-peers.ts';
import { NodeSearch } from './node-search.ts';
import { isWhere, readAsking, readTelling, whereOf } from './spanning-messages.ts';
import { Visitors } from './visitors.ts';

/** A plugin's handlers, and what it does with clients of other nodes beside. */
export interface SpanningHandlers extends LaneHandlers {
  /** The session of a client of another node is over, or its node is gone. */
  left(peer: PeerHandle, isNodeGone: boolean): void;
  /** Another node has a message for a client of this one. It is passed on by default. */
  toClient?(data: unknown, client: PeerHandle, node: string): Promise<void> | undefined;
  /** A node is gone, and what clients of this one had there. */
  lost?(node: string): void;
  /** A node is there that has nothing of this one yet: it has joined, is back, or has forgotten what it had. */
  up?(node: string): void;
  /** Whether this node has what another one seeks. */
  has?(what: string, from: string): boolean;
  /** What this node has, for a list of what all have. */
  list?(): readonly unknown[];
}

/**
 * The lane of a plugin whose peers are the clients of all nodes: its handlers get what clients of other nodes send here, and it reaches
 * them as it reaches those of its own server. What a client sends goes to its own node, where the plugin passes it on.
 */
export class SpanningLane implements Lane {
  readonly #world: World;
  readonly #host: PluginHost;
  readonly #handlers: SpanningHandlers;
  readonly #near: Lane;
  readonly #far: WorldLane;
  readonly #clients = new Map<string, PeerHandle>();
  readonly #visitors: Visitors;
  readonly #peers: ForeignPeers;
  /** Nodes that were declared dead. */
  readonly #dead = new Set<string>();
  readonly #search: NodeSearch;

  constructor(name: string, host: PluginHost, world: World, handlers: SpanningHandlers) {
    this.#host = host;
    this.#world = world;
    this.#handlers = handlers;
    this.#near = host.lane(handlers);
    this.#far = world.lane(`clients of ${name}`, {
      message: (data, from) => this.#told(readTelling(data), from),
      request: (data, from, context) => this.#asked(readAsking(data), from, context),
    });
    this.#peers = new ForeignPeers(world, (peer, isNodeGone) => this.#safely(() => handlers.left(peer, isNodeGone)));
    this.#visitors = new Visitors((node, data) => this.#tell(node, data));
    this.#search = new NodeSearch(
      () => this.nodes,
      (node, what, timeout) => this.#far.request(node, ['has', what], { timeout }),
    );
    const came = (peer: PeerHandle): void => void this.#clients.set(peer.id ?? '', peer);
    for (const peer of host.peers) came(peer);
    host.onConnect(came);
    host.onDisconnect((peer) => {
      this.#clients.delete(peer.id ?? '');
      this.withdraw(peer);
    });
    world.on('node', ({ id: node, state, reason }) => {
      if (state === 'dead') this.#dead.add(node);
      if (state === 'dead' || state === 'left') this.#lost(node);
      else if (state === 'up' && (this.#dead.delete(node) || reason === 'it joined')) {
        if (reason !== 'it joined') this.#tell(node, ['reset']);
        this.#up(node);
      }
    });
    world.on('status', (status) => {
      if (status === 'closed' || status === 'refused')
        for (const node of new Set([...this.#peers.nodes, ...this.#visitors.nodes])) this.#lost(node);
    });
  }

  /** The nodes that are up, without this one; none while NATS is away. */
  get nodes(): string[] {
    if (this.#world.status !== 'joined') return [];
    return this.#world.nodes.flatMap(({ id: node, state }, at) => (at > 0 && state === 'up' ? [node] : []));
  }

  get own(): string {
    return this.#world.nodes[0]?.id ?? '';
  }

  /** Whether a peer is a client of another node that is still there. */
  has(peer: PeerHandle): peer is ForeignPeer {
    return peer instanceof ForeignPeer && !peer.isGone;
  }

  /** A client anywhere, by its id in the world. @throws BusError `ERR_INVALID_ARGUMENT`, `ERR_NO_MEMBER`. */
  peer(worldId: string): PeerHandle {
    const { node, connection } = partsOf(worldId) ?? noId();
    const known = node === this.own ? this.#clients.get(connection) : this.#peers.get(node, connection);
    if (known !== undefined) return known;
    if (node === this.own || !this.#far.nodes.includes(node)) throw noSuchClient(worldId);
    const peer = this.#peers.add(node, connection);
    const met = this.#far.request(node, ['meet', connection]).then(
      (said) => {
        if (!isWhere(said)) throw new BusError('ERR_PROTOCOL', 'A node did not say where its client is');
        peer.found({ address: said[0] ?? undefined, kind: said[1] ?? undefined });
      },
      (error: unknown) => {
        this.#peers.leave(peer);
        throw error;
      },
    );
    met.catch(ignore);
    peer.meeting = met;
    return peer;
  }

  /** The first node by its name that has what is sought. Rejects with `ERR_QUEUE_FULL` where too much is sought. */
  find(what: string): Promise<string | undefined> {
    return this.#search.find(what);
  }

  /** What the other nodes have; nothing of those that do not say in time. */
  async lists(withinMs: number): Promise<unknown[]> {
    const asked = this.nodes.map((node) => this.#far.request(node, ['list'], { timeout: withinMs }).catch(ignore));
    const listed = await Promise.all(asked);
    return listed.flatMap((list): unknown[] => (Array.isArray(list) ? list : []));
  }

  /** As a client of this node to the plugin at another one. @throws BusError `ERR_QUEUE_FULL` where too much of it waits. */
  async pass(client: PeerHandle, node: string, data: unknown): Promise<void> {
    const turns = this.#turns(client, node);
    await turns.add(data, () => this.#far.send(node, ['from', client.id, data]));
  }

  /** The same with a request. */
  async ask(client: PeerHandle, node: string, data: unknown, options: LaneSendOptions): Promise<unknown> {
    const turns = this.#turns(client, node);
    let answer: Promise<unknown> | undefined;
    await turns.add(data, async () => {
      answer = this.#far.request(node, ['from', client.id, data], options);
      answer.catch(ignore);
    });
    return answer;
  }

  /** A client of this node is nothing to the others any more. */
  withdraw(client: PeerHandle): void {
    this.#visitors.withdraw(client);
  }

  send(peer: PeerHandle, data: unknown): Promise<void> {
    return peer instanceof ForeignPeer ? this.#to(peer, data) : this.#near.send(peer, data);
  }

  /** There is always a wait for a client of another node. */
  trySend(peer: PeerHandle, data: unknown): boolean {
    if (!(peer instanceof ForeignPeer)) return this.#near.trySend(peer, data);
    if (peer.isGone) throw left();
    return false;
  }

  async request(peer: PeerHandle, data: unknown, options?: LaneSendOptions): Promise<unknown> {
    if (!(peer instanceof ForeignPeer)) return this.#near.request(peer, data, options);
    await peer.meeting;
    if (peer.isGone) throw left();
    return this.#far.request(peer.node, ['ask', peer.connection, data], options);
  }

  async broadcast(peers: Iterable<PeerHandle>, data: unknown): Promise<void> {
    const near: PeerHandle[] = [];
    const waits: Promise<void>[] = [];
    for (const peer of peers) {
      if (peer instanceof ForeignPeer) waits.push(this.#to(peer, data).catch(ignore));
      else near.push(peer);
    }
    await Promise.all([this.#near.broadcast(near, data), ...waits]);
  }

  /** Of clients of this node only. */
  survey: Lane['survey'] = (peers, data, settings) => this.#near.survey(peers, data, settings);

  #to(peer: ForeignPeer, data: unknown): Promise<void> {
    if (peer.isGone) return Promise.reject(left());
    const go = async (): Promise<void> => {
      await this.#far.request(peer.node, ['to', peer.connection, data], { timeout: 0 });
    };
    const sent = peer.meeting === undefined ? go() : peer.meeting.then(go);
    peer.arrived = sent.catch(ignore);
    return sent;
  }

  /** @throws BusError `ERR_CLOSED` for a client that left, `ERR_NO_MEMBER` where there is no such node. */
  #turns(client: PeerHandle, node: string): BoundedTurns {
    if (!this.#clients.has(client.id ?? '')) throw left();
    if (!this.#visitors.has(client, node) && !this.#far.nodes.includes(node)) {
      throw new BusError('ERR_NO_MEMBER', `There is no node "${node}"`);
    }
    return this.#visitors.turns(client, node);
  }

  #told(told: ReturnType<typeof readTelling>, from: string): void {
    if (told[0] === 'reset') {
      this.#lost(from, true);
      this.#up(from);
      return;
    }
    const peer = this.#peers.get(from, told[1]);
    if (told[0] === 'open') {
      const known = peer ?? this.#peers.add(from, told[1]);
      known.found({ address: told[2] ?? undefined, kind: told[3] ?? undefined });
    } else if (peer === undefined) return;
    else if (told[0] === 'close') this.#peers.leave(peer);
    else {
      this.#safely(() => this.#handlers.message?.(told[2], peer));
    }
  }

  #asked(asked: ReturnType<typeof readAsking>, from: string, context: LaneRequestContext): unknown {
    if (asked[0] === 'has') return this.#handlers.has?.(asked[1], from) ?? false;
    if (asked[0] === 'list') return this.#handlers.list?.() ?? [];
    if (asked[0] === 'from') return this.#answer(this.#peers.get(from, asked[1]), asked[2], context);
    const client = this.#clients.get(asked[1]);
    if (client === undefined) throw left();
    if (asked[0] === 'meet') {
      this.#turns(client, from);
      return whereOf(client);
    }
    if (asked[0] === 'to') return this.#deliver(asked[2], client, from);
    const { deadline, signal } = context;
    return this.#near.request(client, asked[2], { timeout: deadline ?? 0, signal });
  }

  async #deliver(data: unknown, client: PeerHandle, node: string): Promise<null> {
    const { toClient } = this.#handlers;
    await (toClient === undefined ? this.#near.send(client, data) : toClient(data, client, node));
    return null;
  }

  /** What was sent to the client before arrives before the answer, as on a lane. */
  async #answer(peer: ForeignPeer | undefined, data: unknown, context: LaneRequestContext): Promise<unknown> {
    const { request } = this.#handlers;
    if (peer === undefined || request === undefined) throw left();
    const { deadline, signal } = context;
    try {
      return await request(data, { peer, deadline, signal, whenUnsent: (hook) => context.whenUnsent(hook) });
    } finally {
      await peer.arrived;
    }
  }

  #lost(node: string, isThere = false): void {
    this.#peers.leaveAll(node);
    this.#visitors.leave(node, isThere);
    this.#safely(() => this.#handlers.lost?.(node));
  }

  #up(node: string): void {
    this.#safely(() => this.#handlers.up?.(node));
  }

  #safely(task: () => unknown): void {
    guarded(task, (error) => this.#host.report(error));
  }

  /** Nobody needs to tell a node that is gone. */
  #tell(node: string, data: unknown): void {
    this.#far.send(node, data).catch((error: unknown) => {
      if (!goneCodes.has(codeOf(error))) this.#host.report(error);
    });
  }
}

const goneCodes: ReadonlySet<unknown> = new Set(['ERR_NODE_LOST', 'ERR_NO_MEMBER', 'ERR_CLOSED']);

function left(): BusError {
  return new BusError('ERR_CLOSED', 'The client left');
}

function noId(): never {
  throw new BusError('ERR_INVALID_ARGUMENT', 'The id of a client in the world is node/connection');
}

function ignore(): void {}
