import type { Clock } from '../../base/clock.ts';
import { BusError } from '../../base/errors.ts';
import { withinTime } from '../../base/wait.ts';
import type { Link, Listener } from '../../transport/link.ts';
import type { Listen } from '../platform.ts';
import type { Plugins } from '../plugins.ts';
import type { Connections } from './connections.ts';

/** A server that was replaced is closed within 10 s of that, once its successor has answered for a second. */
const mostReplacedMs = 9_000;

export interface ListeningOptions {
  readonly clock: Clock;
  readonly closeTimeoutMs: number;
}

/** Whose it is, and what it starts and ends with. */
export interface ListeningOwner {
  readonly listen: Listen;
  readonly plugins: Plugins;
  readonly connections: Connections;
  failed(error: unknown): void;
  opened(address: string): void;
  closed(): void;
}

/** Whether a server listens, from `start` to `close` and again. */
export class Listening {
  readonly #options: ListeningOptions;
  readonly #owner: ListeningOwner;
  #state: 'idle' | 'starting' | 'listening' | 'closing' = 'idle';
  #listener: Listener | undefined;
  #opening: Promise<void> = Promise.resolve();
  #starting = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(options: ListeningOptions, owner: ListeningOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** While there is one. */
  get listener(): Listener | undefined {
    return this.#listener;
  }

  /** Links may come. */
  get isOn(): boolean {
    return this.#state === 'listening';
  }

  /** Rejects as `Server.start` does. */
  async start(takeover: boolean): Promise<void> {
    if (this.#state !== 'idle') throw new BusError('ERR_STATE', 'The server was started already');
    this.#state = 'starting';
    this.#starting = new AbortController();
    const opened = this.#open(takeover);
    this.#opening = opened.catch(() => {});
    await opened;
  }

  /** As `Server.close`; takes no longer than `ms` and a moment. */
  close(ms: number, allowReconnect: boolean): Promise<void> {
    const close = this.#state === 'idle' ? this.#closeUnstarted : this.#close;
    this.#closing ??= close.call(this, ms, allowReconnect).finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #open(takeover: boolean): Promise<void> {
    const { clock, closeTimeoutMs } = this.#options;
    const { listen, plugins } = this.#owner;
    try {
      await plugins.runStart(this.#starting.signal);
      this.#listener = await listen(takeover, {
        link: (link) => this.#taken(link),
        error: (error) => this.#owner.failed(error),
        mayRelease: () => plugins.http() !== undefined,
        replaced: () => void this.close(Math.min(closeTimeoutMs, mostReplacedMs), true),
      });
    } catch (error) {
      // What the plugins opened for this start is not to outlive it.
      await withinTime(clock, closeTimeoutMs / 2, plugins.runClose());
      this.#state = 'idle';
      throw error;
    }
    this.#state = 'listening';
    this.#owner.opened(this.#listener.address);
  }

  #taken(link: Link): void {
    if (this.#state === 'closing' || this.#state === 'idle') link.destroy();
    else this.#owner.connections.accept(link);
  }

  /** Those that were started here may be connected all the same. */
  #closeUnstarted(ms: number, allowReconnect: boolean): Promise<void> {
    const { connections } = this.#owner;
    connections.refuseAll();
    return connections.close('Server was shut down', allowReconnect, ms);
  }

  async #close(ms: number, allowReconnect: boolean): Promise<void> {
    const { clock } = this.#options;
    const { connections, plugins } = this.#owner;
    const end = clock.now() + ms;
    // Plugins that hang as they start leave half of the time to close what they opened. One that listens stops at once.
    if (this.#state === 'starting') await withinTime(clock, ms / 2, this.#opening);
    this.#starting.abort(new BusError('ERR_CLOSED', 'The server was closed before its plugins had started'));
    await this.#opening;
    if (this.#state === 'idle') return;
    this.#state = 'closing';
    const stopped = this.#listener?.close();
    connections.refuseAll();
    // Plugins that hang leave the clients half of the time.
    await withinTime(clock, ms / 2, plugins.runClose());
    await connections.close('Server was shut down', allowReconnect, end - clock.now());
    await stopped;
    this.#listener = undefined;
    this.#state = 'idle';
    this.#owner.closed();
  }
}
