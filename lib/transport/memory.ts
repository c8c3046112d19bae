import type { Clock } from '../base/clock.ts';
import { BusError } from '../base/errors.ts';
import { custom, resolveOptions } from '../base/options.ts';
import { type Address, formatAddress } from './address.ts';
import type { Link, ListenEvents, Listener } from './link.ts';
import { type MemoryPair, MemoryFaults } from './memory-faults.ts';
import { MemoryLink } from './memory-link.ts';

type MemoryAddress = Extract<Address, { kind: 'memory' }>;

interface Listening {
  readonly address: MemoryAddress;
  readonly clock: Clock;
  readonly events: ListenEvents;
}

const table = {
  faults: custom<MemoryFaults | undefined>({
    type: 'MemoryFaults',
    default: undefined,
    accepts: (value) => value instanceof MemoryFaults,
  }),
} as const;

/** The names that memory addresses are looked up in. Servers and clients meet only inside one network. */
export class MemoryNetwork {
  readonly #listening = new Map<string, Listening>();
  readonly #faults: MemoryFaults | undefined;
  #dials = 0;

  /** @throws BusError `ERR_INVALID_OPTION`. */
  constructor(options: { readonly faults?: MemoryFaults | undefined } = {}) {
    this.#faults = resolveOptions('MemoryNetwork', table, options).faults;
  }

  /** Reserves the name; `ERR_ADDRESS_IN_USE` if it is in use. */
  listen(address: MemoryAddress, clock: Clock, events: ListenEvents): Listener {
    const { name } = address;
    if (this.#listening.has(name)) {
      const cause = systemError('listen', 'EADDRINUSE', address);
      throw new BusError('ERR_ADDRESS_IN_USE', `Cannot listen on ${formatAddress(address)}: the name is in use`, {
        cause,
      });
    }
    const listening: Listening = { address, clock, events };
    this.#listening.set(name, listening);
    return {
      address: `memory:${encodeURIComponent(name)}`,
      port: undefined,
      server: undefined,
      close: () => {
        if (this.#listening.get(name) === listening) this.#listening.delete(name);
        return Promise.resolve();
      },
    };
  }

  /** Opens a link on the next turn; `ERR_CONNECT` if nobody listens by then. */
  dial(address: MemoryAddress, clock: Clock, signal: AbortSignal): Promise<Link> {
    const number = this.#dials++;
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = (): void => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      clock.defer(() => {
        signal.removeEventListener('abort', onAbort);
        if (signal.aborted) return;
        const listening = this.#listening.get(address.name);
        const faults = this.#faults?.plan(address.name, number);
        if (listening === undefined || faults?.refuse === true) {
          const cause = systemError('connect', 'ECONNREFUSED', address);
          reject(new BusError('ERR_CONNECT', `Cannot connect to ${formatAddress(address)}: nobody listens`, { cause }));
          return;
        }
        const random = this.#faults?.random;
        const [client, server] = MemoryLink.pair(
          address.name,
          { clock, netLag: address.netLag, netSpeed: address.netSpeed, faults: faults?.toServer, random },
          { ...listening.address, clock: listening.clock, faults: faults?.toClient, random },
          () => this.#faults?.closed(pair),
        );
        const pair = makePair(address.name, number, client, server);
        this.#faults?.opened(pair);
        resolve(client);
        listening.events.link(server);
      });
    });
  }
}

/** The network of all servers and clients that name no other: what makes `memory:name` mean one thing in a process. */
export const processNetwork = new MemoryNetwork();

function makePair(name: string, number: number, client: MemoryLink, server: MemoryLink): MemoryPair {
  return {
    name,
    number,
    cut: () => client.cut(),
    blackHole: (direction) => {
      if (direction !== 'toClient') client.blackHole(true);
      if (direction !== 'toServer') server.blackHole(true);
    },
    heal: () => {
      client.blackHole(false);
      server.blackHole(false);
    },
  };
}

function systemError(syscall: string, code: string, address: MemoryAddress): Error {
  const shown = `memory:${address.name}`;
  return Object.assign(new Error(`${syscall} ${code} ${shown}`), { code, syscall, address: shown });
}
