export type { BrowserListener } from './websocket/browser-listener.ts';
export type { LocalWeb, RemoteWeb } from './gateway.ts';
export { gateway } from './gateway.ts';
export type {
  AnyEventName,
  BodyData,
  EventHandler,
  GatewayEventName,
  HttpEventName,
  WebServerMessage,
  WebSocketEventName,
} from './gateway-event.ts';
export { eventTypeIds } from './gateway-event.ts';
export type {
  GatewayHttpOptions,
  GatewayOptions,
  GatewayWebSocketOptions,
  RemoteWebOptions,
} from './gateway-options.ts';
export { HttpServer } from './http/http-server.ts';
export type { RemoteHttp } from './workers/remote-http.ts';
export type { RemoteWebSocket } from './workers/remote-websocket.ts';
export type { RequestDetails, UpgradeDetails } from './request-details.ts';
export { HttpSendStatus } from './http/response-writer.ts';
export type { RouteMethod, RoutingTable } from './http/route-table.ts';
export type { BrowserListenerOptions, HttpServerOptions, WebSocketServerOptions } from './server-options.ts';
export { SendStatus } from './websocket/websocket-connection.ts';
export { WebSocketServer } from './websocket/websocket-server.ts';
export type { ShareMode, ShareOptions } from './workers/worker-protocol.ts';
