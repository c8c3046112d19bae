import type { Socket } from 'node:net';

/** JSON documents over a socket, one a line. */
export class Line {
  readonly #socket: Socket;
  #rest = '';

  constructor(socket: Socket, heard: (value: unknown) => void) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) heard(JSON.parse(line));
    });
  }

  say(value: unknown): void {
    if (!this.#socket.destroyed) this.#socket.write(`${JSON.stringify(value)}\n`);
  }

  end(): void {
    this.#socket.end();
  }
}
