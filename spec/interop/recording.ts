import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { once } from 'node:events';

/** Passes links on from one socket path to another and keeps what both ends wrote. */
export class Recording {
  readonly client: Buffer[] = [];
  readonly server: Buffer[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #listener: NetServer;

  private constructor(target: string) {
    this.#listener = createServer((near) => {
      const far = connect(target);
      for (const [from, to, kept] of [
        [near, far, this.client],
        [far, near, this.server],
      ] as const) {
        this.#sockets.add(from);
        from.on('data', (bytes: Buffer) => {
          kept.push(bytes);
          to.write(bytes);
        });
        from.on('error', () => {});
        from.on('close', () => to.destroy());
      }
    });
  }

  static async between(path: string, target: string): Promise<Recording> {
    const recording = new Recording(target);
    recording.#listener.listen(path);
    await once(recording.#listener, 'listening');
    return recording;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
    await once(this.#listener, 'close');
  }
}
