import { BusError } from '../base/errors.ts';

/** What marks data that is to travel by a contract: the same symbol in every copy of the package. */
export const byContract: unique symbol = /* @__PURE__ */ Symbol.for('busbar.contract') as never;

/** What holds for the bodies of one session. */
export interface BodyLimits {
  /** The largest body. */
  readonly maxBytes: number;
  /** What a body may cost to read, as `docs/protocol.md` counts it. */
  readonly mostCost: number;
  readonly maxDepth: number;
}

/**
 * A body as a contract wrote it, from the start of `buffer` on. Both are good until the next one is written; a buffer of
 * over 64 KiB is not written to again.
 */
export interface WrittenBody {
  readonly buffer: Uint8Array;
  /** The same memory; there are 3 bytes more than the body has. */
  readonly view: DataView;
  readonly length: number;
  /** What it costs to read. */
  readonly cost: number;
}

/** How values of one shape are written and read: what a struct of `busbar/contract` is to the bus. */
export interface BodyContract {
  readonly name: string;
  /** Of name and shape, in 16 hexadecimal digits: those that have it in common write alike. */
  readonly hash: string;
  /** How many lists, maps and structs are within each other in it, itself included. */
  readonly depth: number;
  /**
   * Writes `number`, then `value`; undefined where the value does not fit.
   * @throws BusError `ERR_UNENCODABLE` or `ERR_TOO_LARGE`.
   */
  encode(value: unknown, number: number, limits: BodyLimits): WrittenBody | undefined;
  /**
   * The value that is written from `start` to `end`; it holds none of `bytes`.
   * @throws BusError `ERR_PROTOCOL` or `ERR_TOO_LARGE`.
   */
  decode(bytes: Uint8Array, start: number, end: number, limits: BodyLimits): unknown;
}

/** Data that is to travel by a contract where it can. */
export interface ContractValue<out T = unknown> {
  readonly struct: Contracted;
  readonly value: T;
}

/** What the option `contracts` takes: a struct of `busbar/contract`. */
export interface Contracted {
  /** How its values are written. */
  readonly codec: BodyContract;
}

export function isContractValue(data: unknown): data is ContractValue {
  return typeof data === 'object' && data !== null && (data as { readonly [byContract]?: true })[byContract] === true;
}

/** How many contracts an end may have: their numbers are bytes. */
export const mostContracts = 128;

/** Whether `value` is what the option takes. */
export function areContracts(value: unknown): boolean {
  const isContract = (one: Partial<Contracted> | null | undefined): boolean => typeof one?.codec?.encode === 'function';
  return Array.isArray(value) && value.length <= mostContracts && value.every(isContract);
}

/** How the contracts of two ends differ, where both have some. */
export interface ContractMismatch {
  /** Names of own contracts that the peer does not have, or has with another shape. */
  readonly lacking: readonly string[];
  /** How many contracts of the peer this end does not have. */
  readonly unknown: number;
}

/** What two ends have in common. */
interface Shared {
  /** By hash: the own number of a contract that the peer has too. */
  readonly numbers: ReadonlyMap<string, number>;
  /** By the peer's number: the own contract. */
  readonly byNumber: readonly (BodyContract | undefined)[];
  readonly mismatch: ContractMismatch | undefined;
}

/** The contracts of one end of a bus. A contract's number is its place among them. */
export class OwnContracts {
  readonly hashes: readonly string[];
  readonly #contracts: readonly BodyContract[];
  /** What was found last: most peers of a server have the same contracts. */
  #last: { readonly theirs: string; readonly shared: Shared } | undefined;

  /** @throws BusError `ERR_INVALID_OPTION` for one that nests deeper than a body may. */
  constructor(contracts: readonly BodyContract[], maxDepth: number) {
    const deep = contracts.find(({ depth }) => depth > maxDepth);
    if (deep !== undefined) {
      throw new BusError(
        'ERR_INVALID_OPTION',
        `The contract "${deep.name}" has ${deep.depth} levels, maxDepth is ${maxDepth}`,
      );
    }
    this.#contracts = contracts;
    this.hashes = contracts.map(({ hash }) => hash);
  }

  /** What is in common with a peer whose contracts have these hashes. */
  sharedWith(theirs: readonly string[]): Shared {
    const key = theirs.join();
    if (this.#last?.theirs === key) return this.#last.shared;
    const numbers = new Map<string, number>();
    for (const [number, hash] of this.hashes.entries()) if (theirs.includes(hash)) numbers.set(hash, number);
    const byNumber = theirs.map((hash) => this.#contracts[this.hashes.indexOf(hash)]);
    const lacking = this.#contracts.filter(({ hash }) => !numbers.has(hash)).map(({ name }) => name);
    const unknown = byNumber.filter((contract) => contract === undefined).length;
    const isMismatch = theirs.length > 0 && this.hashes.length > 0 && lacking.length + unknown > 0;
    const shared = { numbers, byNumber, mismatch: isMismatch ? { lacking, unknown } : undefined };
    this.#last = { theirs: key, shared };
    return shared;
  }
}

/** The contracts towards one peer, from one session to the next. */
export class PeerContracts {
  /** How many values that were to travel by a contract did so without. */
  fallbacks = 0;
  /** Of the session that began last. */
  mismatch: ContractMismatch | undefined;
  readonly #own: OwnContracts;

  constructor(own: OwnContracts) {
    this.#own = own;
  }

  /** Of the own ones, as the peer is told. */
  get hashes(): readonly string[] {
    return this.#own.hashes;
  }

  /** A session begins with a peer that has the contracts of these hashes. */
  agree(theirs: readonly string[] = []): AgreedContracts {
    const shared = this.#own.sharedWith(theirs);
    this.mismatch = shared.mismatch;
    return new AgreedContracts(this, shared);
  }

  /** `data` as it travels without contracts. */
  plain(data: unknown): unknown {
    if (!isContractValue(data)) return data;
    this.fallbacks += 1;
    return data.value;
  }
}

/** The contracts that one session writes and reads by. */
export class AgreedContracts {
  readonly #peer: PeerContracts;
  readonly #shared: Shared;

  constructor(peer: PeerContracts, shared: Shared) {
    this.#peer = peer;
    this.#shared = shared;
  }

  /** The number by which the peer knows the contract of `data`; undefined where it does not have it. */
  numberOf(data: ContractValue): number | undefined {
    return this.#shared.numbers.get(data.struct.codec.hash);
  }

  /** The own contract that the peer calls `number`. */
  of(number: number): BodyContract | undefined {
    return this.#shared.byNumber[number];
  }

  /** What was to travel by a contract does not. */
  fellBack(): void {
    this.#peer.fallbacks += 1;
  }
}
