import { request } from 'node:http';
import { Client, type Lane, Server } from '../../../lib/index.ts';
import type { GatewayOptions, LocalWeb, RemoteWeb } from '../../../lib/plugins/gateway/index.ts';
import { gateway } from '../../../lib/plugins/gateway/index.ts';
import { socketFolder } from '../../support/links.ts';
import { EventLog } from './event-log.ts';

export interface Front {
  readonly server: Server;
  readonly path: string;
  readonly web: LocalWeb;
}

export interface WorkerPeer {
  readonly client: Client;
  readonly web: RemoteWeb;
  /** Of the remote server that is looked at. */
  readonly log: EventLog;
}

export interface Forger {
  say(note: unknown): Promise<void>;
  ask(request: unknown): Promise<unknown>;
}

/** Buses with a gateway, and workers of theirs, in this process. */
export class GatewayKit {
  readonly servers: Server[] = [];
  readonly clients: Client[] = [];
  readonly #logged: 'http' | 'websocket';
  readonly #folder = socketFolder();
  #paths = 0;

  constructor(logged: 'http' | 'websocket') {
    this.#logged = logged;
  }

  /** A socket file of its own. */
  path(): string {
    return this.#folder.path(`b${this.#paths++}`);
  }

  async front(options: GatewayOptions): Promise<Front> {
    const path = this.path();
    const server = new Server({ path });
    this.servers.push(server);
    const web = server.use(gateway(options));
    await server.start();
    return { server, path, web };
  }

  async worker(path: string, prepare: (web: RemoteWeb) => unknown = () => {}): Promise<WorkerPeer> {
    const client = new Client({ path });
    this.clients.push(client);
    const web = client.use(gateway());
    const log = new EventLog(web[this.#logged]);
    await client.connect();
    await prepare(web);
    return { client, web, log };
  }

  /** A peer that says and asks on the gateway's lane whatever it wants. */
  async forger(path: string): Promise<Forger> {
    const client = new Client({ path });
    this.clients.push(client);
    let lane: Lane | undefined;
    client.use({
      name: 'gateway',
      install: (host) => {
        lane = host.lane({});
        return { api: undefined };
      },
    });
    await client.connect();
    return {
      say: async (note) => lane?.send(client, note),
      ask: async (request) => lane?.request(client, request),
    };
  }

  /** Closes everything; the kit can be used again. */
  async clear(): Promise<void> {
    await Promise.all(this.clients.splice(0).map((client) => client.close()));
    await Promise.all(this.servers.splice(0).map((server) => server.close()));
  }

  remove(): void {
    this.#folder.remove();
  }
}

/** Prepares a worker that says its name, the path and the body of each request. */
export function answering(name: string, route = '/*', method = 'ANY', share = {}) {
  return async ({ http }: RemoteWeb): Promise<void> => {
    http.on('HTTP_REQUEST_FINISHED', (_, { clientID, message }) =>
      http.sendResponse(clientID, `${name} ${http.getRequestURL(clientID)} ${message}`),
    );
    await http.addRoute(route, method, share);
  };
}

export function get(port: number, path: string, options: object = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, path, agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    sent.on('error', reject).end();
  });
}
