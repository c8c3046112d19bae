import type { Clock, Timer } from '../base/clock.ts';
import type { Link, LinkEvents } from './link.ts';
import { MemoryPipe, type PipeOptions } from './memory-pipe.ts';

const endTimeoutMs = 5_000;

/** One end of an in-process link. `pair` makes both. */
export class MemoryLink implements Link {
  readonly kind = 'memory';
  readonly remote: string;
  readonly trusted = true;
  readonly socket = undefined;
  readonly #clock: Clock;
  readonly #out: MemoryPipe;
  #peer: MemoryLink | undefined;
  #in: MemoryPipe | undefined;
  #events: LinkEvents | undefined;
  #state: 'open' | 'ending' | 'closed' = 'open';
  #paused = false;
  #ended = false;
  #peerEnded = false;
  #error: Error | undefined;
  #endTimer: Timer | undefined;
  #onClosed: () => void;

  private constructor(name: string, out: PipeOptions, onClosed: () => void) {
    this.remote = name;
    this.#clock = out.clock;
    this.#onClosed = onClosed;
    this.#out = new MemoryPipe(out, {
      data: (bytes) => this.#peer?.receive(bytes),
      end: () => this.#endArrived(),
      drain: () => {
        if (this.#state === 'open') this.#events?.drain();
      },
      cut: () => this.cut(),
    });
  }

  /** The client's end and the server's, open; `onClosed` runs once, when both are closed. */
  static pair(
    name: string,
    toServer: PipeOptions,
    toClient: PipeOptions,
    onClosed: () => void,
  ): [MemoryLink, MemoryLink] {
    let open = 2;
    const closed = (): void => {
      open -= 1;
      if (open === 0) onClosed();
    };
    const client = new MemoryLink(name, toServer, closed);
    const server = new MemoryLink(name, toClient, closed);
    client.#join(server);
    server.#join(client);
    return [client, server];
  }

  get bufferedBytes(): number {
    return this.#out.bufferedBytes;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
    if (this.#state === 'closed') this.#clock.defer(() => events.close(this.#error));
    else this.#in?.hold(this.#paused);
  }

  write(bytes: Uint8Array): boolean {
    return this.#state === 'open' && this.#out.push(bytes);
  }

  pause(): void {
    this.#paused = true;
    if (this.#state === 'open') this.#in?.hold(true);
  }

  resume(): void {
    this.#paused = false;
    if (this.#events !== undefined) this.#in?.hold(false);
  }

  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#out.finishWriting();
    this.#in?.hold(false);
    let left = this.bufferedBytes;
    const check = (): void => {
      const now = this.bufferedBytes;
      if (now === 0 ? left === 0 : now >= left) {
        this.destroy();
        return;
      }
      left = now;
      this.#endTimer = this.#clock.setTimer(check, endTimeoutMs, true);
    };
    this.#endTimer = this.#clock.setTimer(check, endTimeoutMs, true);
  }

  /** What was written before still reaches the peer, as with a socket. */
  destroy(error?: Error): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'open') this.#out.finishWriting();
    this.#close(error);
  }

  release(): undefined {
    return undefined;
  }

  /** Resets both ends at once. */
  cut(): void {
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
    this.#out.discard();
    this.#in?.discard();
    this.#close(reset);
    const peer = this.#peer;
    if (peer !== undefined) peer.#close(reset);
  }

  /** Opens or closes a black hole in what this end sends. */
  blackHole(open: boolean): void {
    this.#out.blackHole(open);
  }

  protected receive(bytes: Uint8Array): void {
    if (this.#state !== 'closed' && !this.#paused) this.#events?.data(bytes);
  }

  /** The end of what this link sent has reached its peer. */
  #endArrived(): void {
    this.#ended = true;
    const peer = this.#peer;
    if (peer !== undefined) {
      peer.#peerEnded = true;
      if (this.#state === 'closed') peer.#close(undefined);
      else peer.end();
      peer.#closeIfDone();
    }
    this.#closeIfDone();
  }

  #join(peer: MemoryLink): void {
    this.#peer = peer;
    this.#in = peer.#out;
  }

  #closeIfDone(): void {
    if (this.#ended && this.#peerEnded) this.#close(undefined);
  }

  #close(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#error = error;
    this.#endTimer?.cancel();
    // What the peer still sends has nobody to arrive at.
    this.#in?.hold(false);
    this.#clock.defer(() => {
      this.#events?.close(error);
      this.#onClosed();
    });
  }
}
