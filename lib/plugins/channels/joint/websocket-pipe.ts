import type { WebSocket } from 'ws';
import type { LinkEvents } from '../../../transport/link.ts';
import type { JointPipe } from './write-queue.ts';

/** A WebSocket as a byte pipe: where its messages begin and end means nothing. */
export class WebSocketPipe implements JointPipe {
  readonly remote: string;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, remote: string) {
    this.#socket = socket;
    this.remote = remote;
    socket.binaryType = 'nodebuffer';
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  attach(events: LinkEvents): void {
    const socket = this.#socket;
    let failure: Error | undefined;
    socket.on('message', (data, isBinary) => {
      if (!isBinary || !Buffer.isBuffer(data)) socket.close(1_003);
      else if (data.length > 0) events.data(data);
    });
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => events.close(failure));
    this.#drained = () => events.drain();
  }

  write(bytes: Uint8Array): boolean {
    this.#socket.send(bytes, { binary: true }, () => {
      if (this.bufferedBytes === 0) this.#drained();
    });
    return this.bufferedBytes === 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.close(1_000);
  }

  destroy(): void {
    this.#socket.terminate();
  }

  #drained: () => void = () => undefined;
}
