import type { Socket } from 'node:net';
import type { Adapter, ClientEnd, Handlers, ServerEnd } from './adapter.ts';
import { connectBusbar, serveBusbar } from './busbar.ts';
import { benchModule } from '../packages.ts';
import { room } from './room.ts';

interface NetIpc {
  readonly Server: new (options: object) => NetIpcServer;
  readonly Client: new (options: object) => NetIpcClient;
}

type Respond = (data: unknown) => Promise<void>;

interface NetIpcServer {
  readonly connections: { readonly connection: Socket | null }[];
  on(event: 'message', listener: (data: unknown) => void): void;
  on(event: 'request', listener: (data: unknown, respond: Respond) => void): void;
  start(): Promise<unknown>;
  broadcast(data: unknown): Promise<void>;
  survey(data: unknown): Promise<readonly { readonly status: string }[]>;
  close(): Promise<unknown>;
}

interface NetIpcClient {
  readonly connection: Socket | null;
  on(event: 'message', listener: (data: unknown) => void): void;
  on(event: 'request', listener: (data: unknown, respond: Respond) => void): void;
  connect(): Promise<unknown>;
  send(data: unknown): Promise<void>;
  request(data: unknown): Promise<unknown>;
  close(): Promise<unknown>;
}

const netIpc = (): NetIpc => benchModule('net-ipc') as NetIpc;

async function serve(path: string, handlers: Handlers): Promise<ServerEnd> {
  const server = new (netIpc().Server)({ path });
  server.on('message', (data) => handlers.message(data));
  server.on('request', (data, respond) => void respond(handlers.request(data)));
  await server.start();
  return {
    broadcast: (data) => {
      server.broadcast(data).catch(() => {});
      return room(server.connections.map(({ connection }) => connection));
    },
    survey: async (data) => (await server.survey(data)).filter(({ status }) => status === 'fulfilled').length,
    cut: () => {
      for (const { connection } of server.connections) connection?.destroy();
    },
    close: () => server.close(),
  };
}

async function connect(path: string, handlers: Handlers, options: object): Promise<ClientEnd> {
  const client = new (netIpc().Client)({ path, ...options });
  client.on('message', (data) => handlers.message(data));
  client.on('request', (data, respond) => void respond(handlers.request(data)));
  await client.connect();
  // Of many sends at once not every promise settles, so the socket is looked at instead.
  const send = (data: unknown): Promise<unknown> | undefined => {
    client.send(data).catch(() => {});
    return room([client.connection]);
  };
  return {
    send,
    request: (data) => client.request(data),
    bulk: send,
    close: () => client.close(),
  };
}

function adapter(name: string, options: object, more: Partial<Adapter> = {}): Adapter {
  return {
    name,
    module: 'net-ipc',
    loads: 'net-ipc',
    surveys: true,
    resumes: true,
    bulk: 'messagepack' in options,
    serve,
    connect: (path, handlers) => connect(path, handlers, options),
    ...more,
  };
}

const packed = { messagepack: true };

export const netIpcAdapters: readonly Adapter[] = [
  adapter('net-ipc JSON', {}, { binary: false }),
  adapter('net-ipc MessagePack', packed),
  adapter('net-ipc deflate', { messagepack: true, compress: true }),
  adapter('busbar with net-ipc client', packed, {
    serve: (path, handlers) => serveBusbar(path, handlers, {}),
  }),
  adapter('net-ipc with busbar client', packed, {
    bulk: false,
    connect: (path, handlers) => connectBusbar(path, handlers, packed),
  }),
];
