import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server of NATS that can be cut, and mended again. */
export class Cut {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  #isOff = false;

  private constructor(server: Server, sockets: Set<Socket>, port: number) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = port;
    server.on('connection', (socket) => {
      if (this.#isOff) socket.destroy();
    });
  }

  static async open(to: number): Promise<Cut> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      const other = connect(to, '127.0.0.1');
      for (const [one, another] of [
        [socket, other],
        [other, socket],
      ] as const) {
        sockets.add(one);
        one.pipe(another);
        one.on('error', () => one.destroy());
        one.on('close', () => {
          sockets.delete(one);
          another.destroy();
        });
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return new Cut(server, sockets, typeof address === 'object' ? (address?.port ?? 0) : 0);
  }

  off(): void {
    this.#isOff = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  on(): void {
    this.#isOff = false;
  }

  async close(): Promise<void> {
    this.off();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
