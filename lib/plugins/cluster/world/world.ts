import { GuardedEmitter } from '../../../base/emitter.ts';
import { asBusError, BusError } from '../../../base/errors.ts';
import { Handling } from '../../../base/handling.ts';
import { linuxProcesses } from '../../../base/process-table.ts';
import { type AskSettings, type PeerHandle, type PluginHost, type ServerClients } from '../../../bus/plugin.ts';
import { ClusterNode } from '../cluster-node.ts';
import type { NodeInfo, WorldStatus } from '../node-info.ts';
import type { ClusterSettings } from '../options.ts';
import type { OpenWire } from '../wire/wire.ts';
import { Answering } from './answering.ts';
import {
  type Audience,
  audienceNames,
  longestId,
  partsOf,
  readAudience,
  type WorldAudienceSettings,
} from './audience.ts';
import { areConnections } from './verbs.ts';
import { WorldBroadcasts } from './world-broadcasts.ts';
import type { WorldConnection, WorldContext, WorldEvents } from './world-events.ts';
import { type WorldLane, type WorldLaneHandlers, WorldLanes } from './world-lanes.ts';
import { clientPeer, nodePeer, type Reach, reaching, type WorldPeer } from './world-peer.ts';
import type { WorldAnswer } from './world-survey.ts';
import { WorldSurveys, type WorldSurveyStreamSettings } from './world-surveys.ts';

export type WorldSurveySettings = AskSettings & WorldAudienceSettings;

const surveyNames = ['timeout', 'signal', ...audienceNames];
const streamNames = [...surveyNames, 'quorum', 'first'];

/** All servers of one name, seen from one of them. */
export class World extends GuardedEmitter<WorldEvents> {
  readonly #settings: ClusterSettings;
  readonly #join: () => ClusterNode;
  #node: ClusterNode;
  readonly #answering: Answering;
  readonly #broadcasts: WorldBroadcasts;
  readonly #surveys: WorldSurveys;
  readonly #reach: Reach;
  readonly #lanes: WorldLanes;
  #handler: ((data: unknown, context: WorldContext) => unknown) | undefined;

  /** Made by `cluster()` only. */
  constructor(
    host: PluginHost,
    clients: ServerClients,
    settings: ClusterSettings,
    incarnation: () => number,
    closeTimeoutMs: number,
    openWire: OpenWire,
  ) {
    super((error) => host.report(error));
    this.#settings = settings;
    const { clock, random } = host;
    this.#answering = new Answering({
      node: settings.node,
      host,
      clients,
      isNode: (name) => this.#node.isNode(name),
      lane: (name, data, from) => this.#lanes.heard(name, data, from),
      laneRequest: (name, data, from, context) => this.#lanes.asked(name, data, from, context),
      tell: (peer, data) => this.#node.bus.answer(peer, data),
    });
    this.#broadcasts = new WorldBroadcasts({
      clients,
      maxMessageBytes: settings.maxMessageBytes,
      node: () => this.#node,
      here: (audience) => this.#answering.audience(audience),
      report: (error) => host.report(error),
    });
    this.#join = () =>
      new ClusterNode({
        settings,
        incarnation: incarnation(),
        processes: linuxProcesses,
        clock,
        random,
        closeTimeoutMs,
        openWire,
        connections: () => this.#answering.size,
        events: {
          status: (status) => void this.fire('status', status),
          changed: (node) => void this.fire('node', node),
          lost: (node, error) => this.#surveys.lost(node, error),
          broadcast: (bytes) => this.#broadcasts.heard(bytes),
          message: (data, from) => this.#message(data, from),
          request: (data, from, context) => this.#request(data, { from, ...context }),
          laneMessage: (data, from) => this.#answering.told(data, from),
          laneRequest: (data, from, context) => this.#answering.asked(data, from, context),
          laneAnswer: (data, from) => this.#surveys.answered(data, from),
          undelivered: (messages) => void this.fire('undelivered', messages),
          report: (error) => host.report(error),
        },
      });
    this.#node = this.#join();
    const node = (): ClusterNode => this.#node;
    this.#reach = {
      clock,
      get bus() {
        return node().bus;
      },
      get lookout() {
        return node().lookout;
      },
      check: (other) => this.#node.check(other),
    };
    this.#lanes = new WorldLanes({
      nodes: () => this.#node.others,
      send: (node, data) => reaching(this.#reach, node, ({ lane, client }) => lane.send(client, data)),
      request: (node, data, asked) =>
        reaching(this.#reach, node, ({ lane, client }) => lane.request(client, data, asked)),
    });
    this.#surveys = new WorldSurveys({
      clock,
      reach: this.#reach,
      nodes: () => {
        this.#node.checkOpen();
        return [settings.node, ...this.#node.others];
      },
      audience: (call, names, given) => this.#audience(call, names, given),
    });
    host.onStart(() => {
      // A server that was closed and is started again is another incarnation.
      if (this.#node.status === 'closed') this.#node = this.#join();
      this.#node.start().catch((error: unknown) => host.report(error));
    });
    host.onClose(() => this.#close());
  }

  /**
   * Resolves when the node has joined. Rejects with `ERR_CLUSTER_UNREACHABLE` when no server of NATS answered within `joinTimeoutMs`, while
   * the node continues trying; `ERR_UNAUTHORIZED`, `ERR_INVALID_OPTION` or `ERR_INCOMPATIBLE` as NATS said, `ERR_NAME_TAKEN` where there is a
   * node of this name, `ERR_PLUGIN` without the package of NATS, and `ERR_CLOSED`.
   */
  get ready(): Promise<void> {
    return this.#node.ready;
  }

  get status(): WorldStatus {
    return this.#node.status;
  }

  /** @internal In `stats().plugins.cluster`. */
  counts(): object {
    const { nodes, status, links } = this.#node;
    const live = nodes.filter(({ state }) => state === 'up' || state === 'suspect');
    return {
      joined: status === 'joined' ? 1 : 0,
      nodes: live.length,
      links,
      suspect: live.filter(({ state }) => state === 'suspect').length,
      connections: live.reduce((sum, { connections }) => sum + connections, 0),
    };
  }

  /** All nodes that are known, this one first. Those that are gone stay in the list, as `dead` or `left`, until they are back. */
  get nodes(): NodeInfo[] {
    return this.#node.nodes;
  }

  /** The id in the world of a connection of this server's. */
  idOf(connection: Pick<PeerHandle, 'id'>): string {
    return `${this.#settings.node}/${connection.id ?? ''}`;
  }

  /** A node by its name, or a client by its id in the world. Throws `ERR_INVALID_ARGUMENT` for what is neither. */
  peer(id: string): WorldPeer {
    if (typeof id !== 'string' || id === '') {
      throw new BusError('ERR_INVALID_ARGUMENT', 'peer takes the name of a node, or node/connection');
    }
    const parts = partsOf(id);
    if ((parts?.connection ?? id).length > longestId) {
      throw new BusError('ERR_INVALID_ARGUMENT', 'This id is longer than those of clients are');
    }
    return parts === undefined ? nodePeer(this.#reach, id) : clientPeer(this.#reach, parts.node, parts.connection);
  }

  /** Answers what nodes ask this one, by `peer(id).request`, as `Server.handle` does. Throws `ERR_INVALID_ARGUMENT`. */
  handle(handler: ((data: unknown, context: WorldContext) => unknown) | undefined): this {
    if (handler !== undefined && typeof handler !== 'function') {
      throw new BusError('ERR_INVALID_ARGUMENT', 'handle needs a function');
    }
    this.#handler = handler;
    return this;
  }

  /** For plugins: a lane of their own between the nodes. Throws `ERR_PLUGIN` where there is one of that name. */
  lane(name: string, handlers: WorldLaneHandlers): WorldLane {
    return this.#lanes.open(name, handlers);
  }

  /** The clients of all nodes that are up or suspect. Rejects with `ERR_TIMEOUT` or `ERR_NODE_LOST` where one does not say. */
  async connections(): Promise<WorldConnection[]> {
    this.#node.checkOpen();
    const own = this.#answering.connections();
    const others = this.#node.others.map(async (node) => {
      const ask = reaching(this.#reach, node, ({ lane, client }) => lane.request(client, ['connections']));
      const listed = await ask;
      if (!areConnections(listed)) throw new BusError('ERR_PROTOCOL', 'A node listed no connections');
      return listed.map(({ id, groups }) => ({ id: `${node}/${id}`, node, groups }));
    });
    const { node } = this.#settings;
    const mine = own.map(({ id, groups }) => ({ id: `${node}/${id}`, node, groups }));
    return [...mine, ...(await Promise.all(others)).flat()];
  }

  /**
   * Sends a message to every client of every node, or to those that `to` and `except` mean. Resolves when this node has accepted it
   * and its own clients have room; it reaches the nodes that are here once and in the order of this one. Rejects
   * `ERR_INVALID_ARGUMENT`, `ERR_UNENCODABLE`, `ERR_TOO_LARGE`, `ERR_QUEUE_FULL` or `ERR_CLOSED`.
   */
  async broadcast(data: unknown, settings: WorldAudienceSettings = {}): Promise<void> {
    this.#node.checkOpen();
    await this.#broadcasts.send(data, this.#audience('broadcast', audienceNames, settings));
  }

  /** Asks every client of every node, or those meant, and resolves with all their answers: as `surveyStream`, in the order of `nodes`. */
  async survey(data: unknown, settings: number | WorldSurveySettings = {}): Promise<WorldAnswer[]> {
    const given = typeof settings === 'number' ? { timeout: settings } : settings;
    const answers: WorldAnswer[] = [];
    for await (const answer of this.#surveys.stream('survey', surveyNames, data, given)) answers.push(answer);
    const order = new Map(this.nodes.map(({ id }, at) => [id, at]));
    const placeOf = ({ id }: WorldAnswer): number => order.get(partsOf(id)?.node ?? id) ?? order.size;
    return answers.sort((one, other) => placeOf(one) - placeOf(other));
  }

  /**
   * Asks every client of every node, or those meant, and yields the answers as they come, each with the `id` of the client. Who is asked
   * is fixed when it starts. The clients of a node that dies are rejected `ERR_NODE_LOST` at once; a node that dies before it has said
   * whom it asked is one such answer itself. By default 10 s; 0 means no timeout.
   */
  surveyStream(data: unknown, settings: WorldSurveyStreamSettings = {}): AsyncGenerator<WorldAnswer, void, void> {
    return this.#surveys.stream('surveyStream', streamNames, data, settings);
  }

  #audience(call: string, names: readonly string[], settings: WorldAudienceSettings): Audience {
    return readAudience(call, names, settings, ({ id }) => {
      if (typeof id !== 'string' || id === '')
        throw new BusError('ERR_INVALID_ARGUMENT', '`to` and `except` take groups, ids and connections');
      return this.#answering.client(id) === undefined && partsOf(id) !== undefined ? id : this.idOf({ id });
    });
  }

  /** Throws or rejects where nobody handles it, or one who does fails. */
  #message(data: unknown, from: string): Promise<void> | undefined {
    let outcome: (() => void) | undefined;
    let settled = (): void => {};
    const handling = new Handling((handlers, failure) => {
      outcome = () => {
        if (failure !== undefined) throw asBusError(failure.error, 'ERR_LISTENER');
        if (handlers === 0) throw new BusError('ERR_NO_HANDLER');
      };
      settled();
    });
    this.fireHandled(handling, 'message', data, from);
    handling.done();
    if (outcome === undefined) return new Promise<void>((resolve) => (settled = resolve)).then(() => outcome?.());
    outcome();
    return undefined;
  }

  #request(data: unknown, context: WorldContext): unknown {
    if (this.#handler === undefined) throw new BusError('ERR_NO_HANDLER');
    return this.#handler(data, context);
  }

  async #close(): Promise<void> {
    this.#answering.close();
    await this.#node.close();
    for (const { id } of this.nodes) this.#surveys.lost(id, new BusError('ERR_CLOSED', 'The node was closed'));
  }
}
