import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../../base/clock.ts';
import { hostOf } from '../../../base/ip.ts';
import { HttpListener } from '../../../transport/http-listener.ts';
import type { Link, Listener } from '../../../transport/link.ts';
import { listen } from '../../../transport/listen.ts';
import { fitsOrigins } from '../../../transport/origins.ts';
import { handshakeFault, maxFragments, refuseUpgrade } from '../../../transport/websocket-handshake.ts';
import type { JointSettings } from '../joint-options.ts';
import type { RelayLane } from '../relay/relay-lane.ts';
import { JointConnection } from './joint-connection.ts';
import { WebSocketPipe } from './websocket-pipe.ts';
import type { JointPipe } from './write-queue.ts';

/** `G`, the first byte of a WebSocket's handshake; raw peers begin with 0. */
const httpByte = 0x47;
const maxMessageBytes = 1_048_576;

/** What it needs of its plugin's host. */
export interface JointHost {
  readonly clock: Clock;
  report(error: unknown): void;
}

/** Listens for peers of the joint protocol, raw and over WebSocket on one port. */
export class JointServer {
  readonly #host: JointHost;
  readonly #relay: Pick<RelayLane, 'relay' | 'policy' | 'options'>;
  readonly #options: JointSettings;
  readonly #connections = new Set<JointConnection>();
  readonly #perAddress = new Map<string, number>();
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    maxFragments,
  });
  readonly #http: HttpListener;
  #listener: Listener | undefined;
  #count = 0;
  #nextId = 0;

  constructor(host: JointHost, relay: Pick<RelayLane, 'relay' | 'policy' | 'options'>, options: JointSettings) {
    this.#host = host;
    this.#relay = relay;
    this.#options = options;
    this.#http = new HttpListener(
      { name: 'the joint protocol', clock: host.clock, headersTimeoutMs: options.firstByteTimeoutMs },
      {
        request: (_request, response) => response.writeHead(426, { connection: 'close' }).end(),
        upgrade: (request, socket, head) => {
          const fault = fitsOrigins(request, options.origins) ? handshakeFault(request)?.status : 403;
          if (fault !== undefined) return refuseUpgrade(socket, fault, host.clock);
          this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#upgraded(webSocket, socket));
        },
        error: (error) => host.report(error),
      },
    );
  }

  /** The bound port; undefined while it does not listen. */
  get port(): number | undefined {
    return this.#listener?.port;
  }

  /** How many peers are connected. */
  get size(): number {
    return this.#count;
  }

  /** Rejects with `ERR_ADDRESS_IN_USE` or `ERR_LISTEN`. */
  async start(): Promise<void> {
    const { host, port } = this.#options;
    const { clock } = this.#host;
    this.#listener = await listen(
      { kind: 'tcp', host, port },
      { clock },
      {
        link: (link) => this.#accept(link),
        // To the server of WebSockets.
        mayRelease: () => true,
        error: (error) => this.#host.report(error),
        replaced: () => undefined,
      },
    );
  }

  async close(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    for (const connection of this.#connections) connection.close();
    this.#webSockets.close();
    await Promise.all([this.#http.close(), listener?.close()]);
  }

  #accept(link: Link): void {
    const { maxPerAddress, maxConnections } = this.#options;
    const address = hostOf(link.remote);
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
    const { clock, report } = this.#host;
    const { relay, policy, options } = this.#relay;
    const { keepAliveMs, maxPendingBytes, firstByteTimeoutMs } = this.#options;
    const timer = clock.setTimer(() => pipe.destroy(), firstByteTimeoutMs, true);
    this.#nextId += 1;
    const connection = new JointConnection(pipe, {
      ...{ clock, relay, policy, maxChannels: options.maxChannels, keepAliveMs, maxPendingBytes, report },
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

  /** The listener gives the headers as much time as a raw peer has for its first byte. */
  #toHttp(link: Link, bytes: Uint8Array, closed: () => void): boolean {
    const socket = link.release();
    if (socket === undefined) return true;
    socket.on('error', ignore);
    socket.once('close', closed);
    this.#http.adopt(socket, bytes);
    return true;
  }

  #upgraded(webSocket: WebSocket, socket: Socket): void {
    this.#join(new WebSocketPipe(webSocket, socket.remoteAddress ?? ''), ignore, () => false);
  }

  #release(address: string): void {
    this.#count -= 1;
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }
}

function ignore(): void {
  // Nothing to do: the end of the connection is learned of elsewhere.
}
