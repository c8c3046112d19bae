import type { Socket } from 'node:net';
import { connect } from 'node:net';

/** A bare socket: says exactly what it is told, and collects what comes back. */
export class RawClient {
  readonly socket: Socket;
  #received = '';

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' });
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.#received += text;
    });
    this.socket.on('error', () => {});
  }

  get received(): string {
    return this.#received;
  }

  say(bytes: string): this {
    this.socket.write(bytes, 'latin1');
    return this;
  }

  /** Everything that came until the other end closed. */
  closed(): Promise<string> {
    if (this.socket.destroyed) return Promise.resolve(this.#received);
    return new Promise((resolve) => this.socket.once('close', () => resolve(this.#received)));
  }

  /** Resolves once what came contains `text`; rejects when the socket closed without it. */
  async until(text: string): Promise<string> {
    while (!this.#received.includes(text)) {
      if (this.socket.destroyed) throw new Error(`closed after ${JSON.stringify(this.#received)}`);
      await new Promise<void>((resolve) => {
        const go = (): void => {
          this.socket.off('data', go).off('close', go);
          resolve();
        };
        this.socket.once('data', go).once('close', go);
      });
    }
    return this.#received;
  }
}

/** One exchange on a connection of its own. */
export function sayAll(port: number, bytes: string): Promise<string> {
  return new RawClient(port).say(bytes).closed();
}
