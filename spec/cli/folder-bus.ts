import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Server, type ServerOptions } from '../../lib/index.ts';

/** A server at a socket in a folder of its own, and clients that leave with it. */
export class FolderBus {
  readonly folder = mkdtempSync(join(tmpdir(), 'bb-'));
  readonly path = join(this.folder, 'bus.sock');
  readonly server: Server;
  readonly #clients: Client[] = [];

  constructor(options: ServerOptions = {}) {
    this.server = new Server({ path: this.path, ...options });
    this.server.on('error', () => {});
  }

  async enter(name: string, prepare: (client: Client) => void = () => {}): Promise<Client> {
    const client = new Client({ path: this.path }).on('error', () => {});
    prepare(client);
    this.#clients.push(client);
    return client.connect({ name });
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.server.close();
    rmSync(this.folder, { recursive: true });
  }
}
