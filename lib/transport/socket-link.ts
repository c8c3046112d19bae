import type { Socket } from 'node:net';
import type { Clock, Timer } from '../base/clock.ts';
import { copyOf } from '../base/bytes.ts';
import { systemClock } from '../base/system-clock.ts';
import type { Link, LinkEvents, ListenEvents } from './link.ts';
import { OwnReads } from './own-reads.ts';

export interface SocketLinkOptions {
  readonly kind: 'unix' | 'pipe' | 'tcp' | 'tls' | 'child';
  readonly remote: string;
  /** As `Link.final`. */
  readonly final?: boolean | undefined;
  readonly clock?: Clock | undefined;
  readonly endTimeoutMs?: number | undefined;
  /** What the socket reads by; it was made with them. */
  readonly reads?: OwnReads | undefined;
}

/** How often a link that cannot be written to is looked at while it is paused. */
const pausedLookMs = 5;

/** A link over a connected `net.Socket` or a secured `tls.TLSSocket`. */
export class SocketLink implements Link {
  readonly kind: SocketLinkOptions['kind'];
  readonly remote: string;
  readonly trusted: boolean;
  readonly final: boolean;
  readonly #clock: Clock;
  readonly #endTimeoutMs: number;
  readonly #socket: Socket;
  readonly #reads: OwnReads | undefined;
  #events: LinkEvents | undefined;
  #error: Error | undefined;
  #state: 'open' | 'ending' | 'closed' | 'released' = 'open';
  #paused = false;
  /** What was read although the link was paused. */
  readonly #held: Uint8Array[] = [];
  #endTimer: Timer | undefined;
  /** A write failed; what the peer sent before is read nevertheless. */
  #isUnwritable = false;
  /** How many reads there were. */
  #readings = 0;

  constructor(socket: Socket, options: SocketLinkOptions) {
    this.#socket = socket;
    this.#reads = options.reads;
    this.kind = options.kind;
    this.remote = options.remote;
    this.trusted = options.kind !== 'tcp' && options.kind !== 'tls';
    this.final = options.final === true;
    this.#clock = options.clock ?? systemClock;
    this.#endTimeoutMs = options.endTimeoutMs ?? 5_000;
    if (!this.trusted) socket.setNoDelay(true);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.on('end', this.#onEnd);
    // A write fails at once where the peer has died, and what it had sent before is still to be read.
    if (options.reads !== undefined) {
      const { destroy } = socket;
      socket.destroy = (error) => (this.#readsOn(error) ? socket : destroy.call(socket, error));
    }
  }

  get socket(): Socket | undefined {
    return this.#state === 'released' ? undefined : this.#socket;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
    if (this.#state === 'closed') {
      this.#clock.defer(() => events.close(this.#error));
      return;
    }
    this.#socket.on('drain', this.#onDrain);
    if (this.#reads === undefined) {
      this.#socket.on('data', this.#onData);
      return;
    }
    this.#reads.sink = this.#onRead;
    if (!this.#paused) this.#socket.resume();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    return this.#isUnwritable || this.#socket.write(bytes);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  pause(): void {
    this.#paused = true;
    if (this.#state === 'open') this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#held.length > 0) this.#clock.defer(this.#tellHeld);
    else if (this.#state !== 'released') this.#socket.resume();
  }

  end(): void {
    if (this.#state !== 'open') return;
    this.#beginEnd();
    this.#socket.end();
    // Bytes left unread would make the system reset the link and take our last bytes from the peer.
    this.#socket.resume();
  }

  destroy(error?: Error): void {
    if (this.#state === 'closed' || this.#state === 'released') return;
    this.#error ??= error;
    this.#socket.destroy();
  }

  release(): Socket | undefined {
    if (this.#state !== 'open' || this.#reads !== undefined) return undefined;
    this.#state = 'released';
    this.#events = undefined;
    const socket = this.#socket;
    socket.pause();
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
    socket.off('end', this.#onEnd);
    socket.off('drain', this.#onDrain);
    socket.off('data', this.#onData);
    return socket;
  }

  readonly #onData = (bytes: Uint8Array): void => {
    if (!this.#paused) this.#events?.data(bytes);
  };

  /** A pause can come too late for one read. */
  readonly #onRead = (bytes: Uint8Array): boolean => {
    this.#readings += 1;
    if (!this.#paused) {
      this.#events?.data(bytes);
      return true;
    }
    if (this.#state !== 'open') return true;
    this.#held.push(copyOf(bytes));
    return false;
  };

  readonly #tellHeld = (): void => {
    while (!this.#paused && this.#state !== 'closed') {
      const bytes = this.#held.shift();
      if (bytes === undefined) {
        this.#socket.resume();
        return;
      }
      this.#events?.data(bytes);
    }
  };

  readonly #onDrain = (): void => {
    this.#events?.drain();
  };

  readonly #onEnd = (): void => {
    // The socket answers the peer's end with its own; from here on the wait for the last bytes to leave is bounded.
    if (this.#state === 'open') this.#beginEnd();
  };

  readonly #onError = (error: Error): void => {
    this.#error ??= error;
  };

  readonly #onClose = (): void => {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#endTimer?.cancel();
    this.#events?.close(this.#error);
  };

  /** Whether the socket stays for what can still be read of it, although `error` ended it for writing. */
  #readsOn(error: Error | undefined): boolean {
    const isFirst = this.#state === 'open' && !this.#isUnwritable;
    const isOfWriting = error !== undefined && 'syscall' in error && error.syscall === 'write';
    if (!isFirst || !isOfWriting) return false;
    this.#isUnwritable = true;
    this.#error ??= error;
    const until = this.#clock.now() + this.#endTimeoutMs;
    let readings = -1;
    // All of it is with the system by now: the first turn of the loop that reads nothing has read the last of it.
    const look = (): void => {
      if (readings === this.#readings || this.#clock.now() > until) this.#socket.destroy();
      else if (this.#paused) this.#clock.setTimer(look, pausedLookMs, true);
      else {
        readings = this.#readings;
        this.#clock.defer(look);
      }
    };
    this.#clock.defer(look);
    return true;
  }

  #beginEnd(): void {
    this.#state = 'ending';
    let left = this.#socket.writableLength;
    const check = (): void => {
      const now = this.#socket.writableLength;
      if (now === 0 ? left === 0 : now >= left) {
        this.#socket.destroy();
        return;
      }
      left = now;
      this.#endTimer = this.#clock.setTimer(check, this.#endTimeoutMs, true);
    };
    this.#endTimer = this.#clock.setTimer(check, this.#endTimeoutMs, true);
  }
}

/** The link of a socket that was accepted. */
export function acceptedLink(
  accepted: Socket,
  options: SocketLinkOptions,
  events: Pick<ListenEvents, 'mayRelease'>,
): SocketLink {
  const reads = options.kind === 'tls' || events.mayRelease() ? undefined : OwnReads.offered();
  const socket = reads?.accept(accepted);
  return socket === undefined ? new SocketLink(accepted, options) : new SocketLink(socket, { ...options, reads });
}
