import { asBusError, BusError } from '../../../base/errors.ts';
import { codeOf } from '../../../base/thrown.ts';
import type { LaneHandlers, LaneRequestContext, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import type { World } from '../../cluster/index.ts';
import { SpanningLane } from '../../cluster/internal.ts';
import { serverClientId } from '../gateway-event.ts';
import { webSocketVerbs } from './verbs.ts';
import { type GatewayFrame, readEvent, type WorkerNote, type WorkerRequest } from './worker-protocol.ts';
import type { Worker } from './worker.ts';

/** What a worker takes, or takes no longer. */
export type Taking = Extract<
  WorkerRequest,
  readonly ['addRoute' | 'removeRoute' | 'addClients' | 'removeClients', ...unknown[]]
>;

/** How long the gateway of another node may take to add a worker. */
const takeMs = 5_000;

export interface WorkerNodesOptions {
  readonly host: PluginHost;
  readonly world: World;
  readonly handlers: LaneHandlers;
  workerOf(peer: PeerHandle): Worker | undefined;
  /** A worker of another node is gone. */
  left(peer: PeerHandle): void;
}

/** What the gateway of another node answered. */
interface Taken {
  readonly answer: unknown;
}

/** A worker of this node at the gateways of others. */
interface Travelling {
  /** What it takes, by what it is about. */
  readonly takes: Map<string, Taking>;
  /** The gateways that it had frames of, by node. */
  readonly gateways: Map<string, Begun>;
}

/** How many frames of one gateway a worker has begun, and whether that gateway is to be told. */
interface Begun {
  count: number;
  isDue: boolean;
}

/**
 * The gateways of other nodes, whose requests and clients go to workers of this one too: it is their worker towards them, and
 * passes on what they send and what it answers. An id of theirs begins with the name of the node.
 */
export class WorkerNodes {
  readonly lane: SpanningLane;
  readonly #options: WorkerNodesOptions;
  readonly #travelling = new Map<Worker, Travelling>();

  constructor(options: WorkerNodesOptions) {
    this.#options = options;
    const { host, world, handlers } = options;
    this.lane = new SpanningLane('gateway', host, world, {
      ...handlers,
      left: (peer) => options.left(peer),
      toClient: (data, client, node) => this.#event(data, client, node),
      lost: (node) => this.#lost(node),
      up: (node) => {
        for (const worker of this.#travelling.keys()) void this.#introduce(worker, node);
      },
    });
  }

  /**
   * Has a worker take something at the gateways of all nodes. `own` does it here; undefined where this one has no such server. Rejects with
   * what `own` throws, or where there is none with what the others answer.
   */
  async take(worker: Worker, taking: Taking, own: (() => unknown) | undefined): Promise<unknown> {
    const answer = own?.();
    const { takes } = this.#of(worker);
    const about = aboutOf(taking);
    if (taking[0] === 'addRoute' || taking[0] === 'addClients') takes.set(about, taking);
    else takes.delete(about);
    const outcomes = await Promise.all(this.lane.nodes.map((node) => this.#ask(worker, node, taking)));
    const failure = outcomes.find((outcome) => outcome instanceof BusError);
    const taken = outcomes.find((outcome): outcome is Taken => outcome !== undefined && !(outcome instanceof BusError));
    if (own === undefined && taken === undefined) {
      takes.delete(about);
      throw failure ?? new BusError('ERR_STATE', 'No gateway has a server of this kind');
    }
    if (failure !== undefined) this.#options.host.report(failure, worker.peer);
    return own === undefined ? taken?.answer : answer;
  }

  /** Passes a note on that is for the gateway of another node; undefined for any other. */
  passNote(worker: Worker, note: WorkerNote): Promise<void> | undefined {
    if (note[0] === 'begun') return undefined;
    const place = placeOf(note[1]);
    return place && this.lane.pass(worker.peer, place.node, [note[0], place.id, ...note.slice(2)]);
  }

  /** The same with a request. */
  passRequest(worker: Worker, frame: WorkerRequest, context: LaneRequestContext): Promise<unknown> | undefined {
    const options = { timeout: context.deadline ?? 0, signal: context.signal };
    if (frame[0] === 'write' || frame[0] === 'stream') {
      const place = placeOf(frame[1]);
      return place && this.lane.ask(worker.peer, place.node, [frame[0], place.id, ...frame.slice(2)], options);
    }
    if (frame[0] !== 'websocket' || !ofOneClient(frame[1])) return undefined;
    const [first, ...others] = frame[2];
    const place = placeOf(first);
    return place && this.lane.ask(worker.peer, place.node, ['websocket', frame[1], [place.id, ...others]], options);
  }

  /** A worker of this node is gone: so it is at the others. */
  gone(worker: Worker): void {
    if (this.#travelling.delete(worker)) this.lane.withdraw(worker.peer);
  }

  #of(worker: Worker): Travelling {
    const known = this.#travelling.get(worker);
    if (known !== undefined) return known;
    const made = { takes: new Map<string, Taking>(), gateways: new Map<string, Begun>() };
    this.#travelling.set(worker, made);
    return made;
  }

  /** Undefined where that node has nothing to take. */
  async #ask(worker: Worker, node: string, taking: Taking): Promise<Taken | BusError | undefined> {
    try {
      return { answer: await this.lane.ask(worker.peer, node, taking, { timeout: takeMs }) };
    } catch (error) {
      return nothingCodes.has(codeOf(error)) ? undefined : asBusError(error, 'ERR_REMOTE');
    }
  }

  /** A node is there, or has forgotten this worker. */
  async #introduce(worker: Worker, node: string): Promise<void> {
    for (const taking of [...(this.#travelling.get(worker)?.takes.values() ?? [])]) {
      const outcome = await this.#ask(worker, node, taking);
      if (outcome instanceof BusError) this.#options.host.report(outcome, worker.peer);
    }
  }

  #event(data: unknown, client: PeerHandle, node: string): undefined {
    const worker = this.#options.workerOf(client);
    if (worker === undefined) return;
    const { gateways } = this.#of(worker);
    const begun = gateways.get(node) ?? { count: 0, isDue: false };
    gateways.set(node, begun);
    const frame = readEvent(data);
    const isBegun = (): void => this.#begun(worker, node, begun);
    if (frame === undefined || frame[0] === 'lost' || frame[1] === serverClientId) isBegun();
    else {
      const [type, id, ...rest] = frame;
      worker.send([type, `${node}/${id}`, ...rest] as GatewayFrame, isBegun);
    }
  }

  /** A worker has begun one more frame of a node, which is told once a turn. */
  #begun(worker: Worker, node: string, begun: Begun): void {
    begun.count += 1;
    if (begun.isDue) return;
    begun.isDue = true;
    this.#options.host.clock.defer(() => {
      begun.isDue = false;
      // The node may be gone by now, and another one have its name.
      if (this.#travelling.get(worker)?.gateways.get(node) !== begun) return;
      this.lane.pass(worker.peer, node, ['begun', begun.count]).catch(() => {});
    });
  }

  #lost(node: string): void {
    for (const [worker, { gateways }] of this.#travelling) if (gateways.delete(node)) worker.send(['lost', node]);
  }
}

/** What says that a node has no such server, or is gone. */
const nothingCodes: ReadonlySet<unknown> = new Set([
  'ERR_NO_HANDLER',
  'ERR_NO_MEMBER',
  'ERR_NODE_LOST',
  'ERR_CLOSED',
  'ERR_STATE',
]);

function aboutOf(taking: Taking): string {
  return taking[0] === 'addRoute' || taking[0] === 'removeRoute' ? `${taking[2]} ${taking[1]}` : 'clients';
}

/** The node of an id that is not of this one; ids of one's own have no slash. */
function placeOf(id: unknown): { readonly node: string; readonly id: string } | undefined {
  const slash = typeof id === 'string' ? id.indexOf('/') : -1;
  return typeof id !== 'string' || slash < 1 ? undefined : { node: id.slice(0, slash), id: id.slice(slash + 1) };
}

function ofOneClient(verb: string): boolean {
  const known: object | undefined = Object.hasOwn(webSocketVerbs, verb)
    ? webSocketVerbs[verb as keyof typeof webSocketVerbs]
    : undefined;
  return known !== undefined && 'one' in known;
}
