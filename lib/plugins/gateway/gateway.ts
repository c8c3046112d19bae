import { resolveOptions } from '../../base/options.ts';
import type { Plugin, PluginHost } from '../../bus/plugin.ts';
import { definePlugin } from '../../bus/plugin.ts';
import { BrowserDoor } from './browser-door.ts';
import type { RemoteWeb } from './client-face.ts';
import { ClientFace } from './client-face.ts';
import type { FaceOptions } from './face-options.ts';
import { faceOptions } from './face-options.ts';
import { HttpServer } from './http-server.ts';
import type { RemoteWebOptions } from './remote-options.ts';
import { remoteOptions } from './remote-options.ts';
import { ServerFace } from './server-face.ts';
import { WebSocketServer } from './websocket-server.ts';

/** What `server.use(gateway(...))` returns: the servers that were asked for. */
export interface LocalWeb {
  readonly http: HttpServer | undefined;
  readonly websocket: WebSocketServer | undefined;
  readonly browser: BrowserDoor | undefined;
}

const name = 'gateway';

/**
 * The plugin: on a server it opens HTTP and WebSocket servers and lets peers take their requests and clients; on a
 * client it is one of those peers.
 */
export function gateway(options: FaceOptions | RemoteWebOptions = {}): Plugin<LocalWeb, RemoteWeb> {
  return definePlugin<LocalWeb, RemoteWeb>({
    name,
    server: (host) => openServers(host, options as FaceOptions),
    client: (host) => {
      const settings = { ...resolveOptions(name, remoteOptions, options), clock: host.clock };
      const face = new ClientFace(host, settings);
      return { api: face.api, dispose: () => face.dispose() };
    },
  });
}

function openServers(host: PluginHost, options: FaceOptions): { api: LocalWeb; dispose: () => Promise<void> } {
  const settings = resolveOptions(name, faceOptions, options);
  const given = settings.websocket;
  const [http, httpPort] = httpServer(settings.http, host);
  const [websocket, webSocketPort] = webSocketServer(given, host);
  const exclusive = websocket !== undefined && !(given instanceof WebSocketServer);
  const face = new ServerFace(host, settings, { http, websocket, exclusive });
  const browser = settings.browser === undefined ? undefined : new BrowserDoor(host, settings.browser);
  host.onStart(async () => {
    if (http !== undefined && http.port === undefined) await http.startListening(httpPort);
    if (websocket !== undefined && websocket.port === undefined) await websocket.startListening(webSocketPort);
    await browser?.open();
  });
  const stop = async (): Promise<void> => {
    await Promise.all([http?.stopListening(), websocket?.stopListening(), browser?.close()]);
  };
  host.onClose(stop);
  return {
    api: { http, websocket, browser },
    dispose: async () => {
      await stop();
      face.dispose();
    },
  };
}

function httpServer(
  given: FaceOptions['http'],
  { clock, tls }: PluginHost,
): [HttpServer | undefined, (number | undefined)?] {
  if (given === undefined || given instanceof HttpServer) return [given];
  const { port, ...options } = given;
  return [new HttpServer({ deferred: false, clock, tls, ...options }), port];
}

function webSocketServer(
  given: FaceOptions['websocket'],
  host: PluginHost,
): [WebSocketServer | undefined, (number | undefined)?] {
  if (given === undefined || given instanceof WebSocketServer) return [given];
  const { port, ...options } = given;
  return [new WebSocketServer({ deferred: false, clock: host.clock, tls: host.tls, ...options }), port];
}
