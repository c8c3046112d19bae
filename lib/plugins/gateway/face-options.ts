import type { PeerHandle } from '../../bus/plugin.ts';
import type { Given, Resolved } from '../../base/options.ts';
import { callback, custom, flag, integer } from '../../base/options.ts';
import type { BrowserDoorOptions } from './browser-options.ts';
import type { HttpServerOptions } from './http-options.ts';
import { HttpServer } from './http-server.ts';
import type { WebSocketServerOptions } from './websocket-options.ts';
import { WebSocketServer } from './websocket-server.ts';

/** Options of the server, and where it listens: 9001 unless given. */
export type HttpFaceOptions = HttpServerOptions & { readonly port?: number | undefined };
export type WebSocketFaceOptions = WebSocketServerOptions & { readonly port?: number | undefined };

function server<Instance extends object, Options extends object>(
  what: string,
  doc: string,
): ReturnType<typeof custom<Instance | Options | undefined>> {
  return custom<Instance | Options | undefined>({
    type: what,
    default: undefined,
    doc,
    accepts: (value) => typeof value === 'object' && value !== null,
  });
}

/** What the server's side of the plugin takes. */
export const faceOptions = {
  http: server<HttpServer, HttpFaceOptions>(
    'an HttpServer or its options',
    'The HTTP server whose requests peers may take.',
  ),
  websocket: server<WebSocketServer, WebSocketFaceOptions>(
    'a WebSocketServer or its options',
    'The WebSocket server whose clients peers may take.',
  ),
  browser: server<never, BrowserDoorOptions>(
    'an object',
    'Lets web pages in as clients of the bus: port, path, origins.',
  ),
  graceMs: integer({ default: 5000, unit: 'ms', doc: 'Time a worker whose link broke has to come back.' }),
  windowBytes: integer({
    default: 262_144,
    min: 1,
    unit: 'bytes',
    doc: 'Bytes of one client on their way to a worker.',
  }),
  workers: callback<(peer: PeerHandle) => boolean>({
    doc: 'Says which peers may take requests and clients; unless given, all that are no web pages.',
  }),
  control: flag({ default: false, doc: 'Lets those peers start and stop the servers and set the echo mode.' }),
};

export type FaceOptions = Given<typeof faceOptions>;
export type FaceSettings = Resolved<typeof faceOptions>;
