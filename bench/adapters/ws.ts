import { createServer } from 'node:http';
import type { Socket as NetSocket } from 'node:net';
import type { Adapter, ClientEnd, Handlers, ServerEnd } from './adapter.ts';
import { Asking, type Envelope } from './asking.ts';
import { benchModule } from '../packages.ts';
import { fullBytes, room } from './room.ts';

interface Socket {
  /** The one beneath: ws has no event for room of its own. */
  readonly _socket: NetSocket;
  readonly bufferedAmount: number;
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): void;
  once(event: 'open', listener: () => void): void;
  once(event: 'error', listener: (error: Error) => void): void;
  send(data: string | Buffer, options?: object): void;
  terminate(): void;
}

interface Ws {
  readonly WebSocket: new (url: string, options?: object) => Socket;
  readonly WebSocketServer: new (
    options: object,
  ) => {
    readonly clients: Set<Socket>;
    on(event: 'connection', listener: (socket: Socket) => void): void;
    close(): void;
  };
}

const options = { perMessageDeflate: false, skipUTF8Validation: true, maxPayload: 64 * 1_048_576 };

async function serve(path: string, handlers: Handlers): Promise<ServerEnd> {
  const { WebSocketServer } = benchModule('ws') as Ws;
  const http = createServer();
  const server = new WebSocketServer({ server: http, ...options });
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      if (isBinary) {
        handlers.message(data);
        return;
      }
      const { i, d } = JSON.parse(data.toString()) as Envelope;
      if (i === 0) handlers.message(d);
      else socket.send(JSON.stringify({ i, d: handlers.request(d) }));
    });
  });
  await new Promise<void>((resolve) => http.listen(path, resolve));
  return {
    broadcast: (data) => {
      const text = JSON.stringify({ i: 0, d: data });
      for (const client of server.clients) client.send(text);
      return room([...server.clients].map(({ _socket }) => _socket));
    },
    close: () => {
      for (const client of server.clients) client.terminate();
      server.close();
      http.close();
      return undefined;
    },
  };
}

async function connect(path: string, handlers: Handlers): Promise<ClientEnd> {
  const { WebSocket } = benchModule('ws') as Ws;
  const socket = new WebSocket(`ws+unix://${path}:/`, options);
  const asking = new Asking();
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('message', (data) => {
    const { i, d } = JSON.parse(data.toString()) as Envelope;
    if (i === 0) handlers.message(d);
    else asking.answered(i, d);
  });
  const send = (data: object): Promise<unknown> | undefined => {
    socket.send(Buffer.isBuffer(data) ? data : JSON.stringify({ i: 0, d: data }));
    return socket.bufferedAmount < fullBytes ? undefined : room([socket._socket]);
  };
  return {
    send,
    request: (data) => asking.ask((i) => socket.send(JSON.stringify({ i, d: data }))),
    bulk: send,
    close: () => {
      socket.terminate();
      return undefined;
    },
  };
}

/** ws over a unix socket: JSON for objects, binary frames for binary data. */
export const wsAdapter: Adapter = { name: 'ws', module: 'ws', loads: 'ws', bulk: true, serve, connect };
