export type { BrowserListener } from './browser-listener.ts';
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
export { HttpServer } from './http-server.ts';
export type { RemoteHttp } from './remote-http.ts';
export type { RemoteWebSocket } from './remote-websocket.ts';
export type { RequestDetails, UpgradeDetails } from './request-details.ts';
export { HttpSendStatus } from './response-writer.ts';
export type { RouteMethod, RoutingTable } from './route-table.ts';
export type { BrowserListenerOptions, HttpServerOptions, WebSocketServerOptions } from './server-options.ts';
export { SendStatus } from './websocket-connection.ts';
export { WebSocketServer } from './websocket-server.ts';
export type { ShareMode, ShareOptions } from './worker-protocol.ts';
