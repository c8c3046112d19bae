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

/** A TCP proxy on loopback whose connections break as `faults` say: the first of them meets the connection that first carries so much, and so on. */
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

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #forward(near: Socket): void {
    this.connections += 1;
    const far = connect(this.targetPort, '127.0.0.1');
    this.#pipe('up', near, far);
    this.#pipe('down', far, near);
  }

  #pipe(way: Fault['way'], from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroySoon();
    });
    let count = 0;
    let broken = false;
    from.on('data', (bytes: Buffer) => {
      if (broken) return;
      const [fault] = this.faults;
      const left = (fault?.way === way ? fault.afterBytes : Infinity) - count;
      count += bytes.length;
      if (fault === undefined || left >= bytes.length) return this.#pass(bytes, from, to);
      this.faults.shift();
      broken = fault.flip !== true;
      if (fault.flip === true) bytes.writeUInt8(bytes.readUInt8(Math.max(0, left)) ^ 1, Math.max(0, left));
      this.#pass(fault.flip === true ? bytes : bytes.subarray(0, Math.max(0, left)), from, to);
      if (fault.silent === true) from.pause();
      else if (fault.flip !== true) to.end(() => [from, to].forEach((socket) => socket.destroy()));
    });
  }

  #pass(bytes: Buffer, from: Socket, to: Socket): void {
    if (bytes.length === 0 || to.destroyed || to.write(bytes)) return;
    from.pause();
    to.once('drain', () => from.resume());
  }
}
