import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock, Timer } from '../../../base/clock.ts';
import { resolveOptions } from '../../../base/options.ts';
import type { Link, Listener } from '../../../transport/link.ts';
import { listen } from '../../../transport/listen.ts';
import { fitsOrigins } from '../../../transport/origins.ts';
import { handshakeFault, refuseUpgrade } from '../../../transport/websocket-handshake.ts';
import { type JointOptions, jointTable } from '../options.ts';
import type { Gatekeeper } from '../relay/gatekeeper.ts';
import type { Relay } from '../relay/relay.ts';
import { JointConnection } from './joint-connection.ts';
import type { JointPipe } from './joint-pipe.ts';
import { WebSocketPipe } from './websocket-pipe.ts';

/** `G`, the first byte of a WebSocket's handshake; raw peers begin with 0. */
const httpByte = 0x47;
const maxMessageBytes = 1_048_576;

export interface JointServerOptions {
  readonly clock: Clock;
  readonly relay: Relay;
  readonly gate: Gatekeeper;
  readonly maxChannels: number;
  readonly joint: JointOptions;
  report(error: unknown): void;
}

/** Listens for peers of the joint protocol, raw and over WebSocket on one port. */
export class JointServer {
  readonly #given: JointServerOptions;
  readonly #options;
  readonly #connections = new Set<JointConnection>();
  readonly #perAddress = new Map<string, number>();
  /** Those in the middle of a WebSocket handshake, with what ends it. */
  readonly #handshakes = new Map<Socket, Timer>();
  #http: Server | undefined;
  #webSockets: WebSocketServer | undefined;
  #listener: Listener | undefined;
  #count = 0;
  #nextId = 0;

  constructor(options: JointServerOptions) {
    this.#given = options;
    this.#options = resolveOptions('channels({ joint })', jointTable, options.joint);
  }

  /** The bound port; undefined while it does not listen. */
  get port(): number | undefined {
    return this.#listener?.port;
  }

  /** How many peers are connected. */
  get size(): number {
    return this.#count;
  }

  /** Rejects `ERR_ADDRESS_IN_USE` or `ERR_LISTEN`. */
  async start(): Promise<void> {
    const { host, port } = this.#options;
    const { clock, report } = this.#given;
    this.#http = createServer((_request, response) => response.writeHead(426, { connection: 'close' }).end());
    this.#webSockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes, perMessageDeflate: false });
    this.#http.on('upgrade', (request, socket: Socket, head) => {
      const fault = fitsOrigins(request, this.#options.origins) ? handshakeFault(request)?.status : 403;
      if (fault !== undefined) return refuseUpgrade(socket, fault, clock);
      this.#webSockets?.handleUpgrade(request, socket, head, (webSocket) => this.#upgraded(webSocket, socket));
    });
    this.#listener = await listen(
      { kind: 'tcp', host, port },
      { clock },
      {
        link: (link) => this.#accept(link),
        error: report,
        replaced: () => undefined,
      },
    );
  }

  async close(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    for (const socket of this.#handshakes.keys()) socket.destroy();
    for (const connection of this.#connections) connection.close();
    this.#http?.close();
    this.#webSockets?.close();
    await listener?.close();
  }

  #accept(link: Link): void {
    const { maxPerAddress, maxConnections } = this.#options;
    const address = link.remote;
    const there = this.#perAddress.get(address) ?? 0;
    if (there >= maxPerAddress || this.#count >= maxConnections) {
      link.attach({ data: ignore, drain: ignore, close: ignore });
      link.destroy();
      return;
    }
    this.#perAddress.set(address, there + 1);
    this.#count += 1;
    const release = (): void => this.#release(address);
    this.#join(link, release, (bytes) => bytes[0] === httpByte && this.#toHttp(link, bytes, release));
  }

  /** `elsewhere` sees the first bytes and may take the connection over. */
  #join(pipe: JointPipe, closed: () => void, elsewhere: (bytes: Uint8Array) => boolean): void {
    const { clock, relay, gate, maxChannels, report } = this.#given;
    const { keepAliveMs, maxPendingBytes, firstByteTimeoutMs } = this.#options;
    const timer = clock.setTimer(() => pipe.destroy(), firstByteTimeoutMs, true);
    this.#nextId += 1;
    const connection = new JointConnection(pipe, {
      ...{ clock, relay, gate, maxChannels, keepAliveMs, maxPendingBytes, report },
      id: `joint-${this.#nextId}`,
      takenOver: (bytes) => {
        timer.cancel();
        const taken = elsewhere(bytes);
        if (taken) this.#connections.delete(connection);
        return taken;
      },
      closed: () => {
        timer.cancel();
        this.#connections.delete(connection);
        closed();
      },
    });
    this.#connections.add(connection);
  }

  #toHttp(link: Link, bytes: Uint8Array, closed: () => void): boolean {
    const socket = link.release();
    if (socket === undefined) return true;
    const timer = this.#given.clock.setTimer(() => socket.destroy(), this.#options.firstByteTimeoutMs, true);
    this.#handshakes.set(socket, timer);
    socket.on('error', ignore);
    socket.once('close', () => {
      this.#endHandshake(socket);
      closed();
    });
    socket.unshift(bytes);
    this.#http?.emit('connection', socket);
    socket.resume();
    return true;
  }

  #upgraded(webSocket: WebSocket, socket: Socket): void {
    this.#endHandshake(socket);
    this.#join(new WebSocketPipe(webSocket, socket.remoteAddress ?? ''), ignore, () => false);
  }

  #endHandshake(socket: Socket): void {
    this.#handshakes.get(socket)?.cancel();
    this.#handshakes.delete(socket);
  }

  #release(address: string): void {
    this.#count -= 1;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }
}

function ignore(): void {
  // Nothing to do: the end of the connection is heard of elsewhere.
}
