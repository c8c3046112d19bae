import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Address } from '../../lib/transport/address.ts';
import { dialer } from '../../lib/transport/dial.ts';
import type { Link, Listener } from '../../lib/transport/link.ts';
import { listen } from '../../lib/transport/listen.ts';
import type { ListenSettings } from '../../lib/transport/settings.ts';

/** A link and everything it said. */
export class Witness {
  readonly link: Link;
  readonly chunks: Buffer[] = [];
  drains = 0;
  closes = 0;
  error: Error | undefined;
  readonly closed: Promise<void>;
  #waiting: { bytes: number; resolve: () => void }[] = [];

  constructor(link: Link) {
    this.link = link;
    this.closed = new Promise((resolve) => {
      link.attach({
        data: (bytes) => {
          this.chunks.push(Buffer.from(bytes));
          this.#waiting = this.#waiting.filter(({ bytes: wanted, resolve: done }) => this.size < wanted || done());
        },
        drain: () => {
          this.drains += 1;
        },
        close: (error) => {
          this.closes += 1;
          this.error = error;
          resolve();
        },
      });
    });
  }

  get size(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  /** Resolves once so many bytes have come in all. */
  received(bytes: number): Promise<void> {
    if (this.size >= bytes) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ bytes, resolve }));
  }
}

/** A listener with the links it accepted and the errors it reported. */
export class Host {
  listener!: Listener;
  readonly accepted: Witness[] = [];
  readonly errors: Error[] = [];
  replaced = 0;
  #waiting: (() => void)[] = [];

  static async open(address: Address, settings: ListenSettings = {}, mayRelease = false): Promise<Host> {
    const host = new Host();
    host.listener = await listen(address, settings, {
      link: (link) => {
        host.accepted.push(new Witness(link));
        host.#wake();
      },
      mayRelease: () => mayRelease,
      error: (error) => {
        host.errors.push(error);
        host.#wake();
      },
      replaced: () => {
        host.replaced += 1;
        host.#wake();
      },
    });
    return host;
  }

  /** Resolves once `condition` holds; it is looked at whenever something happened. */
  async until(condition: (host: Host) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    await this.listener.close();
    for (const { link } of this.accepted) link.destroy();
    await Promise.all(this.accepted.map(({ closed }) => closed));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

export async function dial(address: Address, settings: Parameters<typeof dialer>[1] = {}): Promise<Witness> {
  return new Witness(await dialer(address, settings)(new AbortController().signal));
}

/** A folder for socket files that `remove` takes away with all that is in it. */
export function socketFolder(): { path: (name: string) => string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'bb-'));
  return { path: (name) => join(folder, name), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** An error as the specs look at it. */
export interface Failure extends Error {
  readonly code?: string;
  readonly cause?: { readonly code?: string };
}

/** What `promise` rejects with; fails if it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    return error as Failure;
  }
  throw new Error('the promise resolved');
}
