import type { PeerHandle } from '../../bus/plugin.ts';
import type { Given, Resolved } from '../../base/options.ts';
import { callback, custom, flag, integer } from '../../base/options.ts';
import { HttpServer } from './http-server.ts';
import type { BrowserListenerOptions, HttpServerOptions, WebSocketServerOptions } from './server-options.ts';
import { queueOptions } from './server-options.ts';
import { WebSocketServer } from './websocket-server.ts';

/** Options of the server, and where it listens: 9001 unless given. */
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

/** What the server's side of the plugin takes. */
export const gatewayOptions = {
  /** The HTTP server whose requests peers may take. */
  http: server<HttpServer, GatewayHttpOptions>('an HttpServer or its options'),
  /** The WebSocket server whose clients peers may take. */
  websocket: server<WebSocketServer, GatewayWebSocketOptions>('a WebSocketServer or its options'),
  /** Lets web pages in as clients of the bus: port, path, origins. */
  browser: server<never, BrowserListenerOptions>('an object'),
  /** Time a worker whose link broke has to come back. */
  graceMs: integer({ default: 5000, unit: 'ms' }),
  /** Bytes of one client on their way to a worker. */
  windowBytes: integer({
    default: 262_144,
    min: 1,
    unit: 'bytes',
  }),
  /**
   * Says which peers may take requests and clients: only `true` admits, or a promise of it within `graceMs`. Unless given,
   * all may that are no web pages.
   */
  workers: callback<(peer: PeerHandle) => boolean | PromiseLike<boolean>>(),
  /** Lets those peers start and stop the servers and set the echo mode. */
  control: flag({ default: false }),
};

export type GatewayOptions = Given<typeof gatewayOptions>;
export type GatewaySettings = Resolved<typeof gatewayOptions>;

/** What a client's side of the plugin takes. */
export const remoteOptions = {
  /** Events queue until they are polled; false: handlers run at once. */
  deferred: flag({ default: false }),
  ...queueOptions,
};

export type RemoteWebOptions = Given<typeof remoteOptions>;
