import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';

/** A device that connects over TCP, as seen from its own side. */
export class DeviceClient {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  #received = '';
  #onMore: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
      this.#onMore?.();
    });
  }

  static async connect(port: number, host = '127.0.0.1', localAddress?: string): Promise<DeviceClient> {
    const socket = connect({ port, host, ...(localAddress === undefined ? {} : { localAddress }) });
    const device = new DeviceClient(socket);
    await once(socket, 'connect');
    return device;
  }

  get localPort(): number {
    return this.socket.localPort ?? 0;
  }

  get received(): string {
    return this.#received;
  }

  send(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Resolves once exactly this arrived, taking it away. */
  async hears(expected: string): Promise<string> {
    while (this.#received.length < expected.length && !this.socket.destroyed) {
      await Promise.race([new Promise<void>((resolve) => (this.#onMore = resolve)), this.closed]);
    }
    const heard = this.#received.slice(0, expected.length);
    this.#received = this.#received.slice(expected.length);
    return heard;
  }

  async end(): Promise<void> {
    this.socket.end();
    await this.closed;
  }
}

/** A TCP port that nobody uses now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
