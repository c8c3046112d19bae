import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Adapter, ClientEnd, Handlers, ServerEnd } from './adapter.ts';
import { benchModule } from '../packages.ts';

type Acknowledge = (answer: unknown) => void;

interface Engine {
  readonly writeBuffer: readonly unknown[];
  once(event: 'drain', listener: () => void): void;
}

interface ServerSocket {
  readonly conn: Engine;
  on(event: string, listener: (data: unknown, acknowledge: Acknowledge) => void): void;
}

interface SocketIoServer {
  readonly sockets: { readonly sockets: ReadonlyMap<string, ServerSocket> };
  on(event: 'connection', listener: (socket: ServerSocket) => void): void;
  emit(event: string, data: unknown): void;
  timeout(ms: number): { emitWithAck(event: string, data: unknown): Promise<readonly unknown[]> };
  close(): Promise<void>;
}

interface ClientSocket {
  readonly io: { readonly engine: Engine };
  on(event: string, listener: (data: unknown, acknowledge: Acknowledge) => void): void;
  emit(event: string, data: unknown, acknowledge?: Acknowledge): void;
  disconnect(): void;
}

const fullMessages = 10_000;

function drained(engine: Engine): Promise<void> {
  return new Promise((resolve) => engine.once('drain', resolve));
}

async function serve(path: string, handlers: Handlers): Promise<ServerEnd> {
  const { Server } = benchModule('socket.io') as { Server: new (http: object, options: object) => SocketIoServer };
  const http = createServer();
  const server = new Server(http, { maxHttpBufferSize: 64 * 1_048_576, transports: ['websocket'] });
  server.on('connection', (socket) => {
    socket.on('m', (data) => handlers.message(data));
    socket.on('r', (data, acknowledge) => acknowledge(handlers.request(data)));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  // It has no unix sockets on the client's side; the file tells the client where the server is.
  writeFileSync(path, String((http.address() as AddressInfo).port));
  const isFull = ({ conn }: ServerSocket): boolean => conn.writeBuffer.length >= fullMessages;
  return {
    broadcast: (data) => {
      server.emit('m', data);
      const [full] = [...server.sockets.sockets.values()].filter(isFull);
      return full === undefined ? undefined : drained(full.conn);
    },
    survey: async (data) => (await server.timeout(10_000).emitWithAck('r', data)).length,
    close: () => server.close(),
  };
}

async function connect(path: string, handlers: Handlers): Promise<ClientEnd> {
  const { io } = benchModule('socket.io-client') as { io(url: string, options: object): ClientSocket };
  const url = `http://127.0.0.1:${readFileSync(path, 'utf8')}`;
  const socket = io(url, { transports: ['websocket'], forceNew: true });
  await new Promise<void>((resolve) => socket.on('connect', () => resolve()));
  socket.on('m', (data) => handlers.message(data));
  socket.on('r', (data, acknowledge) => acknowledge(handlers.request(data)));
  const send = (data: object): Promise<void> | undefined => {
    socket.emit('m', data);
    const { engine } = socket.io;
    return engine.writeBuffer.length < fullMessages ? undefined : drained(engine);
  };
  return {
    send,
    request: (data) => new Promise((resolve) => socket.emit('r', data, resolve)),
    bulk: send,
    close: () => {
      socket.disconnect();
      return undefined;
    },
  };
}

export const socketIoAdapter: Adapter = {
  name: 'socket.io',
  module: 'socket.io',
  loads: 'socket.io',
  surveys: true,
  bulk: true,
  serve,
  connect,
};
