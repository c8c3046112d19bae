import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

/** A path whose connections lead to the server at another one, until it is told to hold something back. */
export class RelayedPath {
  readonly path: string;
  readonly #listening: Server;
  readonly #links = new Set<Link>();

  private constructor(to: string, path: string) {
    this.path = path;
    this.#listening = createServer((client) => {
      const server = createConnection(to);
      const link = { client, server };
      this.#links.add(link);
      client.on('error', () => {}).on('close', () => server.destroy());
      server.on('error', () => {}).on('close', () => client.destroy());
      server.on('close', () => this.#links.delete(link));
      client.pipe(server).pipe(client);
    });
  }

  static async open(to: string, path: string): Promise<RelayedPath> {
    const relay = new RelayedPath(to, path);
    await once(relay.#listening.listen(path), 'listening');
    return relay;
  }

  /** What the client sends does not arrive. */
  holdUp(): void {
    for (const { client } of this.#links) client.pause();
  }

  /** What the server sends does not arrive. */
  holdBack(): void {
    for (const { server } of this.#links) server.pause();
  }

  /** All of it arrives. */
  release(): void {
    for (const { client, server } of this.#links) {
      client.resume();
      server.resume();
    }
  }

  /** The links break. */
  cut(): void {
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
  }

  async close(): Promise<void> {
    this.#listening.close();
    this.cut();
  }
}
