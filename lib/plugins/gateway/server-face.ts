import type { Timer } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { permits, refusalError } from '../../base/permission.ts';
import type { Lane, LaneRequestContext, PeerHandle, PluginHost } from '../../bus/plugin.ts';
import { FrameReader } from './face-message.ts';
import type { FaceSettings } from './face-options.ts';
import type { WebServerMessage } from './gateway-event.ts';
import { HttpBroker } from './http-broker.ts';
import type { HttpServer } from './http-server.ts';
import { VerbDesk } from './verb-desk.ts';
import { WebSocketBroker } from './websocket-broker.ts';
import type { WebSocketServer } from './websocket-server.ts';
import { Worker } from './worker.ts';

export interface FaceServers {
  readonly http: HttpServer | undefined;
  readonly websocket: WebSocketServer | undefined;
  /** The WebSocket server was made for the bus alone. */
  readonly exclusive: boolean;
}

/** The bus side of the two servers: who works for them, and what they say and ask. */
export class ServerFace {
  readonly #host: PluginHost;
  readonly #settings: FaceSettings;
  readonly #lane: Lane;
  readonly #http: HttpBroker | undefined;
  readonly #websocket: WebSocketBroker | undefined;
  readonly #verbs: VerbDesk;
  readonly #workers = new Map<PeerHandle, Worker>();
  /** Those that `workers` is asked about. */
  readonly #asked = new Map<PeerHandle, Promise<Worker>>();
  readonly #away = new Map<Worker, Timer>();
  /** Those that were given up although their session goes on. */
  readonly #expelled = new Set<PeerHandle>();
  #count = 0;

  constructor(host: PluginHost, settings: FaceSettings, servers: FaceServers) {
    const { http, websocket, exclusive } = servers;
    this.#host = host;
    this.#settings = settings;
    this.#lane = host.lane({
      message: (data, peer) => this.#message(new FrameReader(data), peer),
      request: (data, context) => this.#request(new FrameReader(data), context),
    });
    if (http !== undefined) this.#http = new HttpBroker(http, settings, host.clock);
    if (websocket !== undefined) this.#websocket = new WebSocketBroker(websocket, settings, host.clock, exclusive);
    this.#verbs = new VerbDesk(servers, this.#websocket, settings.control);
    host.onLink((peer, up) => this.#linkChanged(peer, up));
    host.onDisconnect((peer) => {
      this.#expelled.delete(peer);
      const worker = this.#workers.get(peer);
      if (worker !== undefined) this.#gone(worker);
    });
    http?.on('SERVER_STARTED_LISTENING', (_, payload) => this.#tell('http', 'started', payload));
    http?.on('SERVER_STOPPED_LISTENING', (_, payload) => this.#tell('http', 'stopped', payload));
    websocket?.on('SERVER_STARTED_LISTENING', (_, payload) => this.#tell('websocket', 'started', payload));
    websocket?.on('SERVER_STOPPED_LISTENING', (_, payload) => this.#tell('websocket', 'stopped', payload));
  }

  dispose(): void {
    for (const timer of this.#away.values()) timer.cancel();
    this.#http?.dispose();
    this.#websocket?.dispose();
  }

  #tell(kind: 'http' | 'websocket', event: 'started' | 'stopped', { message }: WebServerMessage): void {
    for (const worker of this.#workers.values()) worker.send(['server', kind, event, message.toString()]);
  }

  #message(frame: FrameReader, peer: PeerHandle): void {
    const worker = this.#workers.get(peer);
    if (worker === undefined) return;
    switch (frame.kind) {
      case 'begun':
        if (!worker.begun(frame.count()))
          throw new BusError('ERR_PROTOCOL', 'a gateway frame counts what was never sent');
        return;
      case 'took': {
        const [id, bytes] = [frame.text(), frame.count()];
        this.#http?.took(worker, id, bytes);
        this.#websocket?.took(worker, id, bytes);
        return;
      }
      case 'answer': {
        const answered = this.#http?.answer(worker, frame.text(), frame.head(), frame.bytes());
        answered?.catch((error: unknown) => this.#host.report(error, peer));
        return;
      }
      case 'hold':
        this.#http?.hold(worker, frame.text(), frame.flag());
        return;
      case 'abort':
        this.#http?.abort(worker, frame.text());
        return;
      default:
        throw new BusError('ERR_PROTOCOL', `a gateway frame is of no known kind: ${frame.kind}`);
    }
  }

  #request(frame: FrameReader, { peer }: LaneRequestContext): unknown {
    const worker = this.#workers.get(peer) ?? this.#admit(peer);
    // Those that wait for one answer are served in the order they came.
    return worker instanceof Worker ? this.#serve(frame, worker) : worker.then((known) => this.#serve(frame, known));
  }

  #serve(frame: FrameReader, worker: Worker): unknown {
    const http = (): HttpBroker => this.#http ?? missing('HttpServer');
    const websocket = (): WebSocketBroker => this.#websocket ?? missing('WebSocketServer');
    switch (frame.kind) {
      case 'addRoute':
        return http().addRoute(worker, frame.text(), frame.text(), frame.share());
      case 'removeRoute':
        return http().removeRoute(worker, frame.text(), frame.text());
      case 'addClients':
        return websocket().add(worker, frame.share());
      case 'removeClients':
        return websocket().remove(worker);
      case 'write':
        return http().write(worker, frame.text(), frame.head(), frame.bytes());
      case 'stream':
        return http().stream(worker, frame.text(), frame.head(), frame.bytes(), frame.count());
      case 'http':
        return this.#verbs.http(frame.text(), frame.list());
      case 'websocket':
        return this.#verbs.websocket(frame.text(), frame.list());
      default:
        throw new BusError('ERR_PROTOCOL', `a gateway request is of no known kind: ${frame.kind}`);
    }
  }

  /** @throws BusError `ERR_REFUSED` for a peer that may not be a worker, `ERR_STATE` for one that has to begin anew first. */
  #admit(peer: PeerHandle): Worker | Promise<Worker> {
    this.#refuseExpelled(peer);
    const { workers } = this.#settings;
    if (workers !== undefined) {
      const asked = this.#asked.get(peer) ?? this.#ask(workers, peer).finally(() => this.#asked.delete(peer));
      this.#asked.set(peer, asked);
      return asked;
    }
    // Any site can make a page.
    if (peer.linkKind === 'websocket') throw refused();
    return this.#add(peer);
  }

  async #ask(workers: NonNullable<FaceSettings['workers']>, peer: PeerHandle): Promise<Worker> {
    const { clock, peers } = this.#host;
    const allowed = await permits(() => workers(peer), clock, this.#settings.graceMs).catch((error: unknown) => {
      throw refusalError(error, (bug) => this.#host.report(bug, peer));
    });
    if (!allowed) throw refused();
    this.#refuseExpelled(peer);
    if (![...peers].includes(peer)) throw new BusError('ERR_CLOSED', 'this peer is gone');
    return this.#add(peer);
  }

  #refuseExpelled(peer: PeerHandle): void {
    if (this.#expelled.has(peer)) throw new BusError('ERR_STATE', 'this peer was away for too long');
  }

  #add(peer: PeerHandle): Worker {
    this.#count += 1;
    const worker = new Worker(peer, this.#count, this.#lane, {
      failed: (error) => {
        if (this.#workers.has(peer)) this.#host.report(error, peer);
      },
      overrun: () => {
        this.#host.report(new BusError('ERR_SLOW_CONSUMER', 'a gateway worker begins nothing of what it gets'), peer);
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

  /** The worker's session is over, or its link was away for too long. */
  #gone(worker: Worker): void {
    this.#away.get(worker)?.cancel();
    this.#away.delete(worker);
    this.#workers.delete(worker.peer);
    this.#http?.gone(worker);
    this.#websocket?.remove(worker);
  }
}

function refused(): BusError {
  return new BusError('ERR_REFUSED', 'this peer may not take requests or clients');
}

function missing(name: string): never {
  throw new BusError('ERR_STATE', `the gateway has no ${name}`);
}
