import { resolveOptions } from '../../base/options.ts';
import { type Plugin, type PluginHost, type PluginInstance, definePlugin } from '../../bus/plugin.ts';
import { type GatewayOptions, gatewayOptions, remoteOptions, type RemoteWebOptions } from './gateway-options.ts';
import { HttpServer } from './http/http-server.ts';
import { BrowserListener } from './websocket/browser-listener.ts';
import { WebSocketServer } from './websocket/websocket-server.ts';
import { RemoteHttp } from './workers/remote-http.ts';
import { RemoteWebSocket } from './workers/remote-websocket.ts';
import { WorkerClient } from './workers/worker-client.ts';
import { WorkerHost } from './workers/worker-host.ts';

/** What `server.use(gateway(...))` returns: the servers that were asked for. */
export interface LocalWeb {
  readonly http: HttpServer | undefined;
  readonly websocket: WebSocketServer | undefined;
  readonly browser: BrowserListener | undefined;
}

/** What `client.use(gateway())` returns. */
export interface RemoteWeb {
  readonly http: RemoteHttp;
  readonly websocket: RemoteWebSocket;
}

const name = 'gateway';

/**
 * The plugin. On a server it opens HTTP and WebSocket servers and gives their requests and clients to workers; on a client
 * it makes the client such a worker.
 */
export function gateway(options: GatewayOptions | RemoteWebOptions = {}): Plugin<LocalWeb, RemoteWeb> {
  return definePlugin<LocalWeb, RemoteWeb>({
    name,
    server: (host) => openServers(host, options as GatewayOptions),
    client: (host) => {
      const settings = { ...resolveOptions(name, remoteOptions, options), clock: host.clock };
      const worker = new WorkerClient(host);
      const api = { http: new RemoteHttp(worker, settings), websocket: new RemoteWebSocket(worker, settings) };
      return { api, dispose: () => worker.dispose() };
    },
  });
}

function openServers(host: PluginHost, options: GatewayOptions): PluginInstance<LocalWeb> {
  const settings = resolveOptions(name, gatewayOptions, options);
  const given = settings.websocket;
  const [http, httpPort] = httpServer(settings.http, host);
  const [websocket, webSocketPort] = webSocketServer(given, host);
  const exclusive = websocket !== undefined && !(given instanceof WebSocketServer);
  const workers = new WorkerHost(host, settings, { http, websocket, exclusive });
  const browser = settings.browser === undefined ? undefined : new BrowserListener(host, settings.browser);
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
      workers.dispose();
    },
    stats: () => ({
      httpRequests: http?.openRequests ?? 0,
      httpRefused: http?.refused ?? 0,
      websockets: websocket?.getNumConnectedClients() ?? 0,
      websocketsRefused: websocket?.refused ?? 0,
      workers: workers.size,
    }),
  };
}

function httpServer(
  given: GatewayOptions['http'],
  { clock, tls }: PluginHost,
): [HttpServer | undefined, (number | undefined)?] {
  if (given === undefined || given instanceof HttpServer) return [given];
  const { port, ...options } = given;
  return [new HttpServer({ deferred: false, clock, tls, ...options }), port];
}

function webSocketServer(
  given: GatewayOptions['websocket'],
  host: PluginHost,
): [WebSocketServer | undefined, (number | undefined)?] {
  if (given === undefined || given instanceof WebSocketServer) return [given];
  const { port, ...options } = given;
  return [new WebSocketServer({ deferred: false, clock: host.clock, tls: host.tls, ...options }), port];
}
