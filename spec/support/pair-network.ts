import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { MessageChannel } from 'node:worker_threads';
import type { Clock } from '../../lib/base/clock.ts';
import type { Address } from '../../lib/transport/address.ts';
import type { Link, ListenEvents, Listener } from '../../lib/transport/link.ts';
import { MemoryNetwork } from '../../lib/transport/memory.ts';
import { PortLink } from '../../lib/transport/port-link.ts';
import { SocketLink } from '../../lib/transport/socket-link.ts';

type MemoryAddress = Extract<Address, { kind: 'memory' }>;

/** Both ends of a link that is never dialled. */
type Pair = readonly [client: Link, server: Link];

export type MakePair = (name: string, clock: Clock) => Promise<Pair>;

/**
 * Links that come in pairs, by the names of memory addresses: what a spec says of all transports is shown of those too whose
 * other end is in another process or thread, where it could not look.
 */
export class PairNetwork extends MemoryNetwork {
  readonly #make: MakePair;
  readonly #listening = new Map<string, ListenEvents>();
  readonly #pairs = new Set<Pair>();

  constructor(make: MakePair) {
    super();
    this.#make = make;
  }

  override listen(address: MemoryAddress, clock: Clock, events: ListenEvents): Listener {
    const listener = super.listen(address, clock, events);
    this.#listening.set(address.name, events);
    return {
      ...listener,
      close: () => {
        if (this.#listening.get(address.name) === events) this.#listening.delete(address.name);
        return listener.close();
      },
    };
  }

  override async dial(address: MemoryAddress, clock: Clock, signal: AbortSignal): Promise<Link> {
    // It fails as memory does where nobody listens.
    if (!this.#listening.has(address.name)) return super.dial(address, clock, signal);
    const pair = await this.#make(address.name, clock);
    const [client, server] = pair;
    this.#pairs.add(pair);
    const events = this.#listening.get(address.name);
    if (signal.aborted || events === undefined) {
      client.destroy();
      server.destroy();
      if (signal.aborted) throw signal.reason;
      return super.dial(address, clock, signal);
    }
    events.link(server);
    return client;
  }

  /** Breaks all links. */
  cut(): void {
    for (const [, server] of this.#pairs) server.destroy();
  }

  close(): void {
    for (const [client, server] of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }
}

/** Both ends of a link between threads. */
export async function workerPair(name: string, clock: Clock): Promise<Pair> {
  const { port1, port2 } = new MessageChannel();
  return [new PortLink(port1, { remote: name, clock }), new PortLink(port2, { remote: name, clock })];
}

/** Hands the ends that it was given as descriptors to who started it. */
const handBack = `
import { Socket } from 'node:net';
const last = Number(process.argv[1]);
let left = last - 3;
for (let fd = 4; fd <= last; fd++) {
  const end = new Socket({ fd, readable: false, writable: false, manualStart: true });
  process.send(fd, end, () => --left === 0 && process.disconnect());
}`;

const atOnce = 32;
const stock: (readonly [Socket, Socket])[] = [];
let coming: Promise<void> | undefined;

/** Both ends of a socket pair that Node makes for a child, which hands its end back. */
export async function childPair(name: string, clock: Clock): Promise<Pair> {
  while (stock.length === 0) await (coming ??= fetchPairs().finally(() => (coming = undefined)));
  const [near, far] = stock.pop()!;
  for (const end of [near, far]) end.ref();
  const options = { kind: 'child', remote: name, clock } as const;
  return [new SocketLink(far, options), new SocketLink(near, options)];
}

async function fetchPairs(): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '--eval', handBack, String(atOnce + 3)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...Array.from({ length: atOnce }, () => 'pipe' as const)],
  });
  const stdio: unknown[] = child.stdio;
  child.on('message', (fd, far) => {
    const pair = [stdio[Number(fd)] as Socket, far as Socket] as const;
    stdio[Number(fd)] = null;
    // What waits for its spec holds nobody, and is nobody's leak.
    for (const end of pair) end.unref();
    stock.push(pair);
  });
  await once(child, 'exit');
}
