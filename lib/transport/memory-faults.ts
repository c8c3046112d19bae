import { BusError } from '../base/errors.ts';
import { callback, custom, resolveOptions } from '../base/options.ts';
import type { Random } from '../base/random.ts';

/** What goes wrong in one direction of a memory link; byte numbers count what was delivered in that direction. */
export interface DirectionFaults {
  /** Both ends are reset once this many bytes went through. */
  readonly cutAtByte?: number | undefined;
  /** Nothing more goes through after this many bytes, and nobody is told: a half-open link. */
  readonly blackHoleAtByte?: number | undefined;
  /** Writes arrive in pieces of 1 to this many bytes, each on a turn of its own. */
  readonly sliceBytes?: number | undefined;
}

export interface LinkFaults {
  /** The attempt to connect fails. */
  readonly refuse?: boolean | undefined;
  readonly toServer?: DirectionFaults | undefined;
  readonly toClient?: DirectionFaults | undefined;
}

/** One open pair of memory links, for the code that makes it fail. */
export interface MemoryPair {
  readonly name: string;
  /** Counts the attempts to connect in this network from 0. */
  readonly number: number;
  /** Resets both ends; what was in flight is lost. */
  cut(): void;
  /** Lets nothing through from now on, not even a close. */
  blackHole(direction?: 'toServer' | 'toClient'): void;
  /** Lets everything through again that waits in a black hole. */
  heal(): void;
}

export interface MemoryFaultsOptions {
  readonly random: Random;
  /** Asked for each attempt to connect; nothing goes wrong where it returns `undefined`. */
  readonly plan?: ((name: string, number: number) => LinkFaults | undefined) | undefined;
}

const table = {
  random: custom<Random | undefined>({
    type: 'Random',
    default: undefined,
    accepts: (value) => typeof value === 'object' && value !== null,
  }),
  plan: callback<NonNullable<MemoryFaultsOptions['plan']>>(),
} as const;

/** The faults of one memory network. */
export class MemoryFaults {
  readonly random: Random;
  /** The pairs that are open now, oldest first. */
  readonly pairs: ReadonlySet<MemoryPair>;
  readonly #pairs = new Set<MemoryPair>();
  readonly #plan: (name: string, number: number) => LinkFaults | undefined;

  /** @throws BusError `ERR_INVALID_OPTION`. */
  constructor(options: MemoryFaultsOptions) {
    const { random, plan = () => undefined } = resolveOptions('MemoryFaults', table, options);
    if (random === undefined) throw new BusError('ERR_INVALID_OPTION', 'MemoryFaults needs the option "random"');
    this.random = random;
    this.#plan = plan;
    this.pairs = this.#pairs;
  }

  plan(name: string, number: number): LinkFaults {
    return this.#plan(name, number) ?? {};
  }

  /** Called by the network. */
  opened(pair: MemoryPair): void {
    this.#pairs.add(pair);
  }

  /** Called by the network. */
  closed(pair: MemoryPair): void {
    this.#pairs.delete(pair);
  }
}
