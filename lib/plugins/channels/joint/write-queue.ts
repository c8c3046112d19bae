import type { Clock, Timer } from '../../../base/clock.ts';
import type { Link } from '../../../transport/link.ts';
import { JointServerWriter } from './server-writer.ts';

/** What the joint protocol needs of a TCP connection or a WebSocket: a byte pipe. */
export type JointPipe = Pick<
  Link,
  'remote' | 'bufferedBytes' | 'attach' | 'write' | 'pause' | 'resume' | 'end' | 'destroy'
>;

/** What may wait before senders are held back. */
const highWaterBytes = 1_048_576;

export interface JointWriteQueueOptions {
  readonly clock: Clock;
  readonly keepAliveMs: number;
  readonly maxPendingBytes: number;
  /** More waits than may; the queue is closed then. */
  overflow(): void;
}

/** The way out to one joint peer: one write per turn, and a keep-alive when nothing went out for a while. */
export class JointWriteQueue {
  readonly #pipe: JointPipe;
  readonly #options: JointWriteQueueOptions;
  readonly #writer = new JointServerWriter();
  #state: 'idle' | 'deferred' | 'closed' = 'idle';
  #lastSentMs = 0;
  #keepAlive: Timer | undefined;
  #draining: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(pipe: JointPipe, options: JointWriteQueueOptions) {
    this.#pipe = pipe;
    this.#options = options;
  }

  get pendingBytes(): number {
    return this.#writer.pendingBytes + this.#pipe.bufferedBytes;
  }

  /** Resolves when less than the high water waits; undefined if that is so already. */
  get room(): Promise<void> | undefined {
    if (this.#state === 'closed' || this.pendingBytes <= highWaterBytes) return undefined;
    this.#draining ??= deferred();
    return this.#draining.promise;
  }

  write(put: (writer: JointServerWriter) => void): void {
    if (this.#state === 'closed') return;
    put(this.#writer);
    if (this.pendingBytes > this.#options.maxPendingBytes) {
      this.#options.overflow();
    } else if (this.#state === 'idle') {
      this.#state = 'deferred';
      this.#options.clock.defer(() => this.flush());
    }
  }

  flush(): void {
    if (this.#state === 'closed') return;
    this.#state = 'idle';
    if (this.#writer.pendingBytes === 0) return;
    this.#pipe.write(this.#writer.take());
    this.#lastSentMs = this.#options.clock.now();
    this.#keepAlive ??= this.#watch(this.#options.keepAliveMs);
  }

  /** The pipe took what it had. */
  drain(): void {
    this.#draining?.resolve();
    this.#draining = undefined;
  }

  close(): void {
    this.#state = 'closed';
    this.#keepAlive?.cancel();
    this.drain();
  }

  #watch(ms: number): Timer {
    return this.#options.clock.setTimer(() => this.#idle(), ms, true);
  }

  #idle(): void {
    const left = this.#lastSentMs + this.#options.keepAliveMs - this.#options.clock.now();
    this.#keepAlive = undefined;
    if (left > 0) {
      this.#keepAlive = this.#watch(left);
      return;
    }
    this.write((writer) => writer.keepAlive());
    this.flush();
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
