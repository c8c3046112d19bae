import { type Given, type Resolved, callback, custom, flag, integer } from '../../base/options.ts';
import type { PeerHandle } from '../../bus/plugin.ts';
import { HttpServer } from './http/http-server.ts';
import {
  type BrowserListenerOptions,
  type HttpServerOptions,
  type WebSocketServerOptions,
  queueOptions,
} from './server-options.ts';
import { WebSocketServer } from './websocket/websocket-server.ts';

/** Options of the server, and the port that it listens on. Default: 9001. */
export type GatewayHttpOptions = HttpServerOptions & { readonly port?: number | undefined };
export type GatewayWebSocketOptions = WebSocketServerOptions & { readonly port?: number | undefined };

function server<Instance extends object, Options extends object>(
  what: string,
): ReturnType<typeof custom<Instance | Options | undefined>> {
  return custom<Instance | Options | undefined>({
    type: what,
    default: undefined,
    accepts: (value) => typeof value === 'object' && value !== null,
  });
}

/** Options of `gateway()` on a server. */
export const gatewayOptions = {
  /** The HTTP server whose requests go to workers. */
  http: server<HttpServer, GatewayHttpOptions>('an HttpServer or its options'),
  /** The WebSocket server whose clients go to workers. */
  websocket: server<WebSocketServer, GatewayWebSocketOptions>('a WebSocketServer or its options'),
  /** Accepts web pages as clients of the bus: port, path, origins. */
  browser: server<never, BrowserListenerOptions>('an object'),
  /** Time that a worker has to come back after its link broke. */
  graceMs: integer({ default: 5000, unit: 'ms' }),
  /** Most bytes of one client that a worker has not handled; each message and each piece of a body counts 64 more. */
  windowBytes: integer({
    default: 262_144,
    min: 1,
    unit: 'bytes',
  }),
  /**
   * Decides which peers may be workers: only `true`, or a promise of it within `graceMs`, admits. Default: all peers
   * except web pages.
   */
  workers: callback<(peer: PeerHandle) => boolean | PromiseLike<boolean>>(),
  /** Lets workers start and stop the servers and set the echo mode. */
  control: flag({ default: false }),
};

export type GatewayOptions = Given<typeof gatewayOptions>;
export type GatewaySettings = Resolved<typeof gatewayOptions>;

/** Options of `gateway()` on a client. */
export const remoteOptions = {
  /** Events wait in a queue until it is polled; with false, handlers run at once. */
  deferred: flag({ default: false }),
  ...queueOptions,
};

export type RemoteWebOptions = Given<typeof remoteOptions>;
