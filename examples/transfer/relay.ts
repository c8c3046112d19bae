import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A stretch of bad road: a TCP relay on loopback that cuts its first connection after `cutAfterBytes` towards the client. */
export class Relay {
  readonly #cutAfterBytes: number;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => this.#carry(near));
  #targetPort = 0;
  /** Connections cut so far. */
  cuts = 0;

  constructor(cutAfterBytes: number) {
    this.#cutAfterBytes = cutAfterBytes;
  }

  /** Resolves the port to connect to. */
  async start(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  leadTo(port: number): void {
    this.#targetPort = port;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #carry(near: Socket): void {
    const far = connect(this.#targetPort, '127.0.0.1');
    let bytes = 0;
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
    far.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (this.cuts > 0 || bytes < this.#cutAfterBytes) return;
      this.cuts += 1;
      near.destroy();
    });
  }
}
