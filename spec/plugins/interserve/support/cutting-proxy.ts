import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What becomes of a connection: cut when so many bytes went one way, or answered with nothing at all. */
export interface Fault {
  readonly way: 'down' | 'up';
  readonly afterBytes: number;
  /** Keeps the connection open and lets nothing more pass, instead of cutting it. */
  readonly silent?: boolean;
  /** Changes the byte there, instead of cutting the connection. */
  readonly flip?: boolean;
}

/** A TCP proxy on loopback whose connections break as `faults` say, one after the other; later ones are left alone. */
export class CuttingProxy {
  readonly faults: Fault[] = [];
  /** Connections so far. */
  connections = 0;
  targetPort = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#forward(socket));

  static async start(): Promise<CuttingProxy> {
    const proxy = new CuttingProxy();
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends the connections that are kept for later requests, so that the next request gets the next fault. */
  async cut(): Promise<void> {
    const closed = [...this.#sockets].map((socket) => once(socket.destroy(), 'close'));
    await Promise.all(closed);
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #forward(near: Socket): void {
    this.connections += 1;
    const far = connect(this.targetPort, '127.0.0.1');
    const fault = this.faults.shift();
    this.#pipe(near, far, fault?.way === 'up' ? fault : undefined);
    this.#pipe(far, near, fault?.way === 'down' ? fault : undefined);
  }

  #pipe(from: Socket, to: Socket, fault: Fault | undefined): void {
    this.#sockets.add(from);
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroySoon();
    });
    let left = fault?.afterBytes ?? Infinity;
    from.on('data', (bytes: Buffer) => {
      if (fault?.flip === true) {
        if (left >= 0 && left < bytes.length) bytes.writeUInt8(bytes.readUInt8(left) ^ 1, left);
        left -= bytes.length;
        to.write(bytes);
        return;
      }
      const passed = bytes.subarray(0, left);
      left -= passed.length;
      if (passed.length > 0 && !to.destroyed && !to.write(passed)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      if (left > 0) return;
      if (fault?.silent === true) from.pause();
      else to.end(() => [from, to].forEach((socket) => socket.destroy()));
    });
  }
}
