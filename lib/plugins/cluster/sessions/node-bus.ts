import type { Clock } from '../../../base/clock.ts';
import { asBusError, BusError } from '../../../base/errors.ts';
import { type Random, token } from '../../../base/random.ts';
import { Client } from '../../../bus/node-client.ts';
import { type Connection, Server } from '../../../bus/node-server.ts';
import {
  definePlugin,
  type Lane,
  type LaneHandlers,
  type LaneRequestContext,
  type PeerHandle,
} from '../../../bus/plugin.ts';
import type { Network } from '../../../transport/link.ts';
import { Receipts, type UndeliveredToPeer } from './receipts.ts';

/** What a node gets from others. `from` is the name of the node that sent it. */
export interface NodeBusEvents {
  message(data: unknown, from: string): unknown;
  request(data: unknown, from: string, context: Pick<LaneRequestContext, 'signal' | 'deadline'>): unknown;
  /** On the lane, from a node that asks this one. */
  laneMessage(data: unknown, from: string): void;
  laneRequest(data: unknown, from: string, context: LaneRequestContext): unknown;
  /** On the lane, from a node that this one asks. */
  laneAnswer(data: unknown, from: string): void;
  /** Messages that a node which is gone did not acknowledge. */
  undelivered(messages: readonly UndeliveredToPeer[]): void;
  report(error: BusError): void;
}

export interface NodeBusOptions {
  readonly node: string;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether the others have proved who they are. */
  readonly trusted: boolean;
  readonly maxMessageBytes: number;
  readonly maxUnackedBytes: number;
  readonly closeTimeoutMs: number;
  readonly events: NodeBusEvents;
}

/** The session with one node. */
export interface NodeSession {
  readonly client: Client;
  readonly lane: Lane;
  readonly receipts: Receipts;
  /** Set when the node is gone, to why. */
  over: BusError | undefined;
}

const laneName = 'cluster';
/** How soon a link that broke is sought again, at most. */
const redialMs = 400;

/** The sessions between this node and others: a client for each one that is spoken to, a server for those that speak. */
export class NodeBus {
  readonly #options: NodeBusOptions;
  readonly #sessions = new Map<string, NodeSession>();
  readonly #nodes = new WeakMap<PeerHandle, string>();
  readonly #server: Server;
  /** Where this node speaks to itself. */
  readonly #ownAddress: string;
  #own: Server | undefined;
  #serverLane: Lane | undefined;

  constructor(options: NodeBusOptions) {
    this.#options = options;
    this.#ownAddress = `memory:cluster-${token(options.random)}`;
    this.#server = this.#serve(`memory:${options.node}`, options.network);
  }

  async start(): Promise<void> {
    await this.#server.start();
  }

  /** The session with a node, which it is made for. */
  with(node: string): NodeSession {
    const known = this.#sessions.get(node);
    if (known !== undefined) return known;
    const { network, events, ...shared } = this.#shared;
    const isOwn = node === this.#options.node;
    if (isOwn) this.#serveOwn();
    const client = new Client({
      ...shared,
      url: isOwn ? this.#ownAddress : `memory:${node}`,
      ...(isOwn ? {} : { network }),
      retries: Infinity,
      maxRetryTime: redialMs,
    });
    const lane = client.use(this.#plugin({ message: (data) => events.laneAnswer(data, node) }));
    const receipts = new Receipts(shared.clock, () => lane.request(client, ['had'], { timeout: 0 }));
    const session: NodeSession = { client, lane, receipts, over: undefined };
    this.#sessions.set(node, session);
    client.on('undelivered', (messages) => {
      events.undelivered(messages.map(({ data }) => ({ id: node, data })));
    });
    client.on('error', (error) => this.#failed(error));
    client.on('close', () => this.#drop(node, session, new BusError('ERR_NODE_LOST', `The node "${node}" left`)));
    // It continues until it succeeds or is destroyed.
    client.connect().catch(() => {});
    return session;
  }

  /** A node is gone: what is on its way to it is lost. */
  lost(node: string, error: BusError): void {
    const session = this.#sessions.get(node);
    if (session !== undefined) this.#drop(node, session, error);
  }

  /** Sends on the lane to a node that asked this one. */
  answer(peer: PeerHandle, data: unknown): Promise<void> {
    return this.#serverLane?.send(peer, data) ?? Promise.resolve();
  }

  async close(): Promise<void> {
    const over = new BusError('ERR_CLOSED', 'The node was closed');
    const closing: Promise<unknown>[] = [];
    for (const session of this.#sessions.values()) {
      session.over = over;
      closing.push(session.client.close());
    }
    this.#sessions.clear();
    await Promise.all([...closing, this.#server.close(), this.#own?.close()]);
  }

  get #shared() {
    const { clock, closeTimeoutMs, events, maxMessageBytes, maxUnackedBytes, network, random, trusted } = this.#options;
    return { clock, closeTimeoutMs, events, maxMessageBytes, maxUnackedBytes, network, random, trusted };
  }

  #drop(node: string, session: NodeSession, error: BusError): void {
    if (session.over !== undefined) return;
    session.over = error;
    if (this.#sessions.get(node) === session) this.#sessions.delete(node);
    session.client.destroy();
    const undelivered = session.receipts.take();
    if (undelivered.length > 0) this.#options.events.undelivered(undelivered);
  }

  #serveOwn(): void {
    if (this.#own !== undefined) return;
    this.#own = this.#serve(this.#ownAddress, undefined);
    this.#own.start().catch((error: unknown) => this.#options.events.report(asBusError(error, 'ERR_LISTEN')));
  }

  #serve(url: string, network: Network | undefined): Server {
    const { events, network: _, ...shared } = this.#shared;
    const server = new Server({ ...shared, url, ...(network !== undefined && { network }) });
    const isOwn = network === undefined;
    const from = (peer: PeerHandle | undefined): string => (peer && this.#nodes.get(peer)) ?? '';
    server.on('connect', (connection: Connection) => {
      this.#nodes.set(connection, isOwn ? this.#options.node : (connection.remoteAddress ?? ''));
    });
    server.on('message', (data, connection) => events.message(data, from(connection)));
    server.handle((data, { peer, signal, deadline }) => events.request(data, from(peer), { signal, deadline }));
    server.on('error', (error) => this.#failed(error));
    const lane = server.use(
      this.#plugin({
        message: (data, peer) => events.laneMessage(data, from(peer)),
        request: (data, context) => events.laneRequest(data, from(context.peer), context),
      }),
    );
    if (!isOwn) this.#serverLane = lane;
    return server;
  }

  #plugin(handlers: LaneHandlers) {
    const install = (host: { lane(handlers: LaneHandlers): Lane }): { api: Lane } => ({ api: host.lane(handlers) });
    return definePlugin<Lane, Lane>({ name: laneName, server: install, client: install });
  }

  #failed(error: BusError): void {
    // Links to nodes come and go; what matters of that is said by the states of nodes.
    if (error.code === 'ERR_CONNECT' || error.code === 'ERR_NO_HANDLER' || error.code === 'ERR_CLOSED') return;
    this.#options.events.report(error);
  }
}
