import type { Socket } from 'node:net';
import type { Adapter, ClientEnd, Handlers, ServerEnd } from './adapter.ts';
import { Asking, type Envelope } from './asking.ts';
import { benchModule } from '../packages.ts';
import { room } from './room.ts';

interface NodeIpcClient {
  readonly socket: Socket;
  on(event: string, listener: (data: Envelope) => void): void;
  emit(event: string, data: unknown): boolean;
}

interface NodeIpc {
  readonly config: { silent: boolean; id: string; retry: number };
  readonly server: {
    readonly sockets: readonly Socket[];
    on(event: string, listener: (data: Envelope, socket: Socket) => void): void;
    emit(socket: Socket, event: string, data: unknown): boolean;
    broadcast(event: string, data: unknown): void;
    start(): void;
    stop(): void;
  };
  readonly of: Record<string, NodeIpcClient>;
  serve(path: string, started: () => void): void;
  connectTo(id: string, path: string, connecting: () => void): void;
  disconnect(id: string): void;
}

function instance(): NodeIpc {
  const { IPCModule } = benchModule('node-ipc') as { IPCModule: new () => NodeIpc };
  const ipc = new IPCModule();
  ipc.config.silent = true;
  return ipc;
}

async function serve(path: string, handlers: Handlers): Promise<ServerEnd> {
  const ipc = instance();
  await new Promise<void>((resolve) => {
    ipc.serve(path, resolve);
    ipc.server.start();
  });
  ipc.server.on('m', (data) => handlers.message(data));
  ipc.server.on('r', ({ i, d }, socket) => void ipc.server.emit(socket, 'a', { i, d: handlers.request(d) }));
  return {
    broadcast: (data) => {
      ipc.server.broadcast('m', data);
      return room(ipc.server.sockets);
    },
    close: () => {
      ipc.server.stop();
      return undefined;
    },
  };
}

async function connect(path: string, handlers: Handlers): Promise<ClientEnd> {
  const ipc = instance();
  const asking = new Asking();
  ipc.connectTo('world', path, () => {});
  const world = ipc.of['world'] as NodeIpcClient;
  await new Promise<void>((resolve) => world.on('connect', () => resolve()));
  world.on('m', (data) => handlers.message(data));
  world.on('a', ({ i, d }) => asking.answered(i, d));
  const request = (data: object): Promise<unknown> => asking.ask((i) => world.emit('r', { i, d: data }));
  // Only an answer tells that the server has accepted the link.
  await request({});
  return {
    send: (data) => {
      world.emit('m', data);
      return room([world.socket]);
    },
    request,
    close: () => {
      ipc.disconnect('world');
      return undefined;
    },
  };
}

export const nodeIpcAdapter: Adapter = {
  name: 'node-ipc',
  module: 'node-ipc',
  loads: 'node-ipc',
  minimumNodeMajor: 22,
  // Of 500 not all connect within a minute.
  maxClients: 100,
  binary: false,
  serve,
  connect,
};
