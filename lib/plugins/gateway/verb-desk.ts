import { BusError } from '../../base/errors.ts';
import type { BodyData } from './body-data.ts';
import type { HttpServer } from './http-server.ts';
import type { FaceServers } from './server-face.ts';
import type { WebSocketBroker } from './websocket-broker.ts';
import type { WebSocketServer } from './websocket-server.ts';

type Verb<Server> = (server: Server, args: readonly unknown[]) => unknown;

/** Verbs that change the server for everybody. */
const controls = new Set(['startListening', 'stopListening', 'setEchoMode']);

const httpVerbs: Readonly<Record<string, Verb<HttpServer>>> = {
  startListening: (server, [port]) => start(server, port),
  stopListening: (server) => server.stopListening(),
  getRegisteredRoutes: (server, [method]) =>
    method === null ? server.getRegisteredRoutes() : server.getRegisteredRoutes(text(method)),
};

const webSocketVerbs: Readonly<Record<string, Verb<WebSocketServer>>> = {
  startListening: (server, [port]) => start(server, port),
  stopListening: (server) => server.stopListening(),
  setEchoMode: (server, [enabled]) => server.setEchoMode(enabled === true),
  getNumConnectedClients: (server) => server.getNumConnectedClients(),
  getClientIds: (server) => server.getClientIds(),
  broadcastTextMessage: (server, [data]) => server.broadcastTextMessage(body(data)),
  broadcastBinaryMessage: (server, [data]) => server.broadcastBinaryMessage(body(data)),
  broadcastCompressedTextMessage: (server, [data]) => server.broadcastCompressedTextMessage(body(data)),
  subscribe: (server, [id, topic]) => server.subscribe(text(id), text(topic)),
  unsubscribe: (server, [id, topic]) => server.unsubscribe(text(id), text(topic)),
  getTopics: (server, [id]) => server.getTopics(text(id)),
  publishText: (server, [topic, data]) => server.publishText(text(topic), body(data)),
  publishBinary: (server, [topic, data]) => server.publishBinary(text(topic), body(data)),
  closeClient: (server, [id, code, reason]) => server.closeClient(text(id), whole(code), text(reason)),
  closeAll: (server, [code, reason]) => server.closeAll(whole(code), text(reason)),
  pauseClient: (server, [id]) => server.pauseClient(text(id)),
  resumeClient: (server, [id]) => server.resumeClient(text(id)),
};

const sends: Readonly<Record<string, (server: WebSocketServer, id: string, data: BodyData) => number>> = {
  sendTextMessageToClient: (server, id, data) => server.sendTextMessageToClient(id, data),
  sendBinaryMessageToClient: (server, id, data) => server.sendBinaryMessageToClient(id, data),
  sendCompressedTextMessageToClient: (server, id, data) => server.sendCompressedTextMessageToClient(id, data),
};

/** The verbs of both servers that peers may call, and nothing else of them. */
export class VerbDesk {
  readonly #servers: FaceServers;
  readonly #broker: WebSocketBroker | undefined;
  readonly #control: boolean;

  constructor(servers: FaceServers, broker: WebSocketBroker | undefined, control: boolean) {
    this.#servers = servers;
    this.#broker = broker;
    this.#control = control;
  }

  http(verb: string, args: readonly unknown[]): unknown {
    const server = this.#servers.http;
    if (server === undefined) throw new BusError('ERR_STATE', 'the gateway has no HttpServer');
    return this.#find(httpVerbs, verb)(server, args);
  }

  websocket(verb: string, args: readonly unknown[]): unknown {
    const server = this.#servers.websocket;
    if (server === undefined) throw new BusError('ERR_STATE', 'the gateway has no WebSocketServer');
    const send = Object.hasOwn(sends, verb) ? sends[verb] : undefined;
    if (send === undefined) return this.#find(webSocketVerbs, verb)(server, args);
    const [id, data] = [text(args[0]), body(args[1])];
    return this.#broker?.send(id, () => send(server, id, data));
  }

  #find<Server>(verbs: Readonly<Record<string, Verb<Server>>>, name: string): Verb<Server> {
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (verb === undefined) throw new BusError('ERR_NO_METHOD', `the gateway has no ${name}`);
    if (controls.has(name) && !this.#control) throw new BusError('ERR_REFUSED', `peers may not call ${name} here`);
    return verb;
  }
}

function start(server: HttpServer | WebSocketServer, port: unknown): number | Promise<number> {
  return server.port ?? (port === null ? server.startListening() : server.startListening(whole(port)));
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new BusError('ERR_INVALID_ARGUMENT', 'an argument is not a string');
  return value;
}

function whole(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw new BusError('ERR_INVALID_ARGUMENT', 'an argument is not a whole number');
  }
  return value;
}

function body(value: unknown): BodyData {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  throw new BusError('ERR_INVALID_ARGUMENT', 'an argument is neither text nor bytes');
}
