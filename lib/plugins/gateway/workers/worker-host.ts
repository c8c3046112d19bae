import type { Timer } from '../../../base/clock.ts';
import { BusError } from '../../../base/errors.ts';
import { permits, refusalError } from '../../../base/permission.ts';
import type { Lane, LaneHandlers, LaneRequestContext, PeerHandle, PluginHost } from '../../../bus/plugin.ts';
import { worldOf } from '../../cluster/internal.ts';
import { eventTypeIds, type WebServerMessage } from '../gateway-event.ts';
import type { GatewaySettings } from '../gateway-options.ts';
import type { HttpServer } from '../http/http-server.ts';
import type { WebSocketServer } from '../websocket/websocket-server.ts';
import { HttpBroker } from './http-broker.ts';
import { callVerb, httpVerbs, webSocketVerbs } from './verbs.ts';
import { WebSocketBroker } from './websocket-broker.ts';
import { type Taking, WorkerNodes } from './worker-nodes.ts';
import { readNote, readRequest, type WorkerNote, type WorkerRequest } from './worker-protocol.ts';
import { Worker } from './worker.ts';

export interface HostedServers {
  readonly http: HttpServer | undefined;
  readonly websocket: WebSocketServer | undefined;
  /** The WebSocket server was made for the bus alone. */
  readonly exclusive: boolean;
}

/** The gateway's end of the worker protocol: admits workers and hands their notes and requests to the brokers. */
export class WorkerHost {
  readonly #host: PluginHost;
  readonly #settings: GatewaySettings;
  readonly #lane: Lane;
  readonly #servers: HostedServers;
  /** Where the server is a node of a cluster. */
  readonly #nodes: WorkerNodes | undefined;
  readonly #http: HttpBroker | undefined;
  readonly #websocket: WebSocketBroker | undefined;
  readonly #workers = new Map<PeerHandle, Worker>();
  /** Peers that the option `workers` is deciding about. */
  readonly #asked = new Map<PeerHandle, Promise<Worker>>();
  readonly #away = new Map<Worker, Timer>();
  /** Peers that were away for too long and whose session still exists. */
  readonly #expelled = new Set<PeerHandle>();
  #count = 0;

  /** How many workers there are. */
  get size(): number {
    return this.#workers.size;
  }

  constructor(host: PluginHost, settings: GatewaySettings, servers: HostedServers) {
    const { http, websocket, exclusive } = servers;
    this.#host = host;
    this.#settings = settings;
    this.#servers = servers;
    const handlers: LaneHandlers = {
      message: (data, peer) => this.#message(readNote(data), peer),
      request: (data, context) => this.#request(readRequest(data), context),
    };
    const left = (peer: PeerHandle): void => {
      this.#expelled.delete(peer);
      const worker = this.#workers.get(peer);
      if (worker !== undefined) this.#gone(worker);
    };
    const world = worldOf(host);
    this.#nodes =
      world && new WorkerNodes({ host, world, handlers, left, workerOf: (peer) => this.#workers.get(peer) });
    this.#lane = this.#nodes?.lane ?? host.lane(handlers);
    const { graceMs, windowBytes } = settings;
    const brokering = { clock: host.clock, graceMs, windowBytes };
    if (http !== undefined) this.#http = new HttpBroker(http, brokering);
    if (websocket !== undefined) this.#websocket = new WebSocketBroker(websocket, brokering, exclusive);
    host.onLink((peer, up) => this.#linkChanged(peer, up));
    host.onDisconnect(left);
    for (const event of ['SERVER_STARTED_LISTENING', 'SERVER_STOPPED_LISTENING'] as const) {
      http?.on(event, (_, payload) => this.#tell('http', event, payload));
      websocket?.on(event, (_, payload) => this.#tell('websocket', event, payload));
    }
  }

  dispose(): void {
    for (const timer of this.#away.values()) timer.cancel();
    this.#http?.dispose();
    this.#websocket?.dispose();
  }

  #tell(
    server: 'http' | 'websocket',
    name: 'SERVER_STARTED_LISTENING' | 'SERVER_STOPPED_LISTENING',
    { clientID, message }: WebServerMessage,
  ): void {
    for (const worker of this.#workers.values()) worker.send([eventTypeIds[name], clientID, message, server]);
  }

  #message(note: WorkerNote, peer: PeerHandle): Promise<void> | undefined {
    const worker = this.#workers.get(peer);
    if (worker === undefined) return undefined;
    const passed = this.#nodes?.passNote(worker, note);
    if (passed === undefined) this.#note(note, worker);
    return passed;
  }

  #note(note: WorkerNote, worker: Worker): void {
    const { peer } = worker;
    switch (note[0]) {
      case 'begun':
        if (!worker.begun(note[1]))
          throw new BusError('ERR_PROTOCOL', 'A gateway worker acknowledges frames that were never sent');
        return;
      case 'took': {
        const [, id, bytes] = note;
        this.#http?.took(worker, id, bytes);
        this.#websocket?.took(worker, id, bytes);
        return;
      }
      case 'answer': {
        const [, id, head, data] = note;
        const answered = this.#http?.answer(worker, id, head, data);
        answered?.catch((error: unknown) => this.#host.report(error, peer));
        return;
      }
      case 'hold':
        return this.#http?.hold(worker, note[1], note[2]);
      case 'abort':
        return this.#http?.abort(worker, note[1]);
    }
  }

  #request(frame: WorkerRequest, context: LaneRequestContext): unknown {
    const { peer } = context;
    const worker = this.#workers.get(peer) ?? this.#admit(peer);
    const serve = (known: Worker): unknown => {
      const nodes = this.#nodes;
      // What a worker of another node asks is for this one.
      if (nodes === undefined || nodes.lane.has(peer)) return this.#serve(frame, known);
      if (!isTaking(frame)) return nodes.passRequest(known, frame, context) ?? this.#serve(frame, known);
      const { http, websocket } = this.#servers;
      const own = frame[0] === 'addRoute' || frame[0] === 'removeRoute' ? http : websocket;
      return nodes.take(known, frame, own && (() => this.#serve(frame, known)));
    };
    // Requests that wait for one decision are served in the order they came.
    return worker instanceof Worker ? serve(worker) : worker.then(serve);
  }

  #serve(frame: WorkerRequest, worker: Worker): unknown {
    const http = (): HttpBroker => this.#http ?? missing('HttpServer');
    const websocket = (): WebSocketBroker => this.#websocket ?? missing('WebSocketServer');
    const { control } = this.#settings;
    switch (frame[0]) {
      case 'addRoute':
        return http().addRoute(worker, frame[1], frame[2], frame[3]);
      case 'removeRoute':
        return http().removeRoute(worker, frame[1], frame[2]);
      case 'addClients':
        return websocket().add(worker, frame[1]);
      case 'removeClients':
        return websocket().gone(worker);
      case 'write':
        return http().write(worker, frame[1], frame[2], frame[3]);
      case 'stream':
        return http().stream(worker, frame[1], frame[2], frame[3], frame[4]);
      case 'http':
        return callVerb(this.#servers.http ?? missing('HttpServer'), httpVerbs, frame[1], frame[2], { control });
      case 'websocket': {
        const server = this.#servers.websocket ?? missing('WebSocketServer');
        const broker = websocket();
        const atClient = (id: string, attempt: () => number): Promise<number> => broker.send(id, attempt);
        return callVerb(server, webSocketVerbs, frame[1], frame[2], { control, atClient });
      }
    }
  }

  /** @throws BusError `ERR_REFUSED` for a peer that may not be a worker, `ERR_STATE` for one that was expelled. */
  #admit(peer: PeerHandle): Worker | Promise<Worker> {
    this.#refuseExpelled(peer);
    const { workers } = this.#settings;
    if (workers !== undefined) {
      const asked = this.#asked.get(peer) ?? this.#ask(workers, peer).finally(() => this.#asked.delete(peer));
      this.#asked.set(peer, asked);
      return asked;
    }
    // Any site can make a page connect.
    if (peer.linkKind === 'websocket') throw refused();
    return this.#add(peer);
  }

  async #ask(workers: NonNullable<GatewaySettings['workers']>, peer: PeerHandle): Promise<Worker> {
    const { clock, peers } = this.#host;
    const allowed = await permits(() => workers(peer), clock, this.#settings.graceMs).catch((error: unknown) => {
      throw refusalError(error, (bug) => this.#host.report(bug, peer));
    });
    if (!allowed) throw refused();
    this.#refuseExpelled(peer);
    if (!(this.#nodes?.lane.has(peer) || [...peers].includes(peer)))
      throw new BusError('ERR_CLOSED', 'This peer is gone');
    return this.#add(peer);
  }

  #refuseExpelled(peer: PeerHandle): void {
    if (this.#expelled.has(peer)) throw new BusError('ERR_STATE', 'This peer was away for too long');
  }

  #add(peer: PeerHandle): Worker {
    this.#count += 1;
    const worker = new Worker(peer, this.#count, this.#lane, {
      failed: (error) => {
        if (this.#workers.has(peer)) this.#host.report(error, peer);
      },
      overrun: () => {
        this.#host.report(new BusError('ERR_SLOW_CONSUMER', 'A gateway worker does not handle what it gets'), peer);
        this.#gone(worker);
      },
    });
    this.#workers.set(peer, worker);
    return worker;
  }

  #linkChanged(peer: PeerHandle, up: boolean): void {
    if (up && this.#expelled.delete(peer)) {
      this.#lane.send(peer, ['expelled']).catch((error: unknown) => this.#host.report(error, peer));
      return;
    }
    const worker = this.#workers.get(peer);
    if (worker === undefined) return;
    worker.up = up;
    this.#away.get(worker)?.cancel();
    this.#away.delete(worker);
    if (up) return;
    const expel = (): void => {
      this.#expelled.add(peer);
      this.#gone(worker);
    };
    this.#away.set(worker, this.#host.clock.setTimer(expel, this.#settings.graceMs));
  }

  /** The worker's session ended, or its link was down for too long. */
  #gone(worker: Worker): void {
    this.#away.get(worker)?.cancel();
    this.#away.delete(worker);
    this.#workers.delete(worker.peer);
    this.#nodes?.gone(worker);
    this.#http?.gone(worker);
    this.#websocket?.gone(worker);
  }
}

function isTaking(frame: WorkerRequest): frame is Taking {
  return takings.has(frame[0]);
}

const takings: ReadonlySet<string> = new Set<Taking[0]>(['addRoute', 'removeRoute', 'addClients', 'removeClients']);

function refused(): BusError {
  return new BusError('ERR_REFUSED', 'This peer may not be a worker');
}

function missing(name: string): never {
  throw new BusError('ERR_STATE', `The gateway has no ${name}`);
}
