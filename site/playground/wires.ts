import type { Clock } from '../../lib/base/clock.ts';
import type { Address } from '../../lib/transport/address.ts';
import type { Link, LinkEvents, ListenEvents, Listener } from '../../lib/transport/link.ts';
import { MemoryFaults, type MemoryPair } from '../../lib/transport/memory-faults.ts';
import { MemoryNetwork } from '../../lib/transport/memory.ts';
import { systemRandom } from '../../lib/base/random.ts';

type MemoryAddress = Extract<Address, { kind: 'memory' }>;

/** Who hears of what travels, by the number of the client. */
export interface Watcher {
  linked(client: number, up: boolean): void;
  written(client: number, toServer: boolean, bytes: Uint8Array): void;
}

/** The memory network of the page, whose links are watched, late by `lagMs`, and can be cut. */
export class Wires extends MemoryNetwork {
  lagMs = 0;
  readonly #watcher: Watcher;
  readonly #faults: MemoryFaults;
  /** By the number of an attempt to connect: whose it was. */
  readonly #clients = new Map<number, number>();
  #dials = 0;
  #opened: MemoryPair | undefined;

  constructor(watcher: Watcher) {
    const faults = new MemoryFaults({ random: systemRandom });
    super({ faults });
    this.#watcher = watcher;
    this.#faults = faults;
    const { opened, closed } = faults;
    faults.opened = (pair) => {
      opened.call(faults, pair);
      this.#opened = pair;
      watcher.linked(this.#clientOf(pair), true);
    };
    faults.closed = (pair) => {
      closed.call(faults, pair);
      watcher.linked(this.#clientOf(pair), false);
    };
  }

  /** Cuts one link, chosen by chance, or all. Returns how many. */
  cut(all: boolean): number {
    const pairs = [...this.#faults.pairs];
    const chosen = all ? pairs : pairs.slice(Math.floor(Math.random() * pairs.length)).slice(0, 1);
    for (const pair of chosen) pair.cut();
    return chosen.length;
  }

  override listen(address: MemoryAddress, clock: Clock, events: ListenEvents): Listener {
    return super.listen(address, clock, {
      ...events,
      link: (link) => events.link(this.#watched(link, this.#opened, false)),
    });
  }

  async dialFrom(client: number, address: MemoryAddress, clock: Clock, signal: AbortSignal): Promise<Link> {
    this.#clients.set(this.#dials++, client);
    const link = await this.dial(address, clock, signal);
    return this.#watched(link, this.#opened, true);
  }

  #watched(link: Link, pair: MemoryPair | undefined, toServer: boolean): Link {
    const client = pair === undefined ? 0 : this.#clientOf(pair);
    return new WatchedLink(link, this, (bytes) => this.#watcher.written(client, toServer, bytes));
  }

  #clientOf(pair: MemoryPair): number {
    return this.#clients.get(pair.number) ?? 0;
  }
}

/** A link that says what is written to it, and hands out late what comes. */
class WatchedLink implements Link {
  readonly kind = 'memory';
  readonly trusted = true;
  readonly socket = undefined;
  readonly #link: Link;
  readonly #wires: Wires;
  readonly #written: (bytes: Uint8Array) => void;
  #readyAt = 0;

  constructor(link: Link, wires: Wires, written: (bytes: Uint8Array) => void) {
    this.#link = link;
    this.#wires = wires;
    this.#written = written;
  }

  get remote(): string {
    return this.#link.remote;
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes;
  }

  attach(events: LinkEvents): void {
    let isCut = false;
    this.#link.attach({
      data: (bytes) => {
        const kept = bytes.slice();
        this.#late(() => {
          if (!isCut) events.data(kept);
        });
      },
      drain: () => events.drain(),
      close: (error) => {
        isCut = error !== undefined;
        if (isCut) events.close(error);
        else this.#late(() => events.close());
      },
    });
  }

  write(bytes: Uint8Array): boolean {
    this.#written(bytes);
    return this.#link.write(bytes);
  }

  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  end(): void {
    this.#link.end();
  }

  destroy(error?: Error): void {
    this.#link.destroy(error);
  }

  release(): undefined {
    return undefined;
  }

  /** After the lag, and never before what came earlier. */
  #late(task: () => void): void {
    const now = performance.now();
    this.#readyAt = Math.max(this.#readyAt, now + this.#wires.lagMs);
    setTimeout(task, this.#readyAt - now);
  }
}
