import type { BusError } from '../../lib/index.ts';

/** What may end a call while members are killed and sessions lost. */
const honest = new Set([
  'ERR_SESSION_LOST',
  'ERR_CLOSED',
  'ERR_DESTROYED',
  'ERR_TIMEOUT',
  'ERR_NO_SERVICE',
  'ERR_QUEUE_FULL',
  'ERR_STATE',
  'ERR_NAME_TAKEN',
]);

/** What a room hands on: its calls, by their numbers. */
export type Log = readonly number[];

export interface Asked {
  readonly number: number;
  readonly key: string | undefined;
  readonly caller: string;
  /** How many calls to the key, or service, the caller had made before. */
  readonly turn: number;
  readonly idempotent: boolean;
  begun: number;
  end: 'open' | 'resolved' | 'rejected';
}

/** What is known of one key. */
interface KeyBook {
  epoch: number;
  owner: string | undefined;
  /** What the last owner left, if it closed the key and lived. */
  left: Log | undefined;
  /** The last owner may have lost the key, and its state with it. */
  mayBeLost: boolean;
  /** What the present owner was given, and whether it has begun a call since. */
  given: Log | undefined;
  isUsed: boolean;
  /** By caller: the last of its calls that was begun. */
  readonly turns: Map<string, number>;
}

/** The books of one run: who owns what, what was called, and what came of it. */
export class ServicesBooks {
  readonly violations: string[] = [];
  readonly #asked: Asked[] = [];
  readonly #turns = new Map<string, number>();
  readonly #keys = new Map<string, KeyBook>();
  readonly #open = new Map<string, string | undefined>();
  /** Members that the hub takes for none: what they still open is no one's. */
  readonly #gone = new Set<string>();
  #promises = 0;
  answers = 0;
  moves = 0;

  wrong(text: string): void {
    this.violations.push(text);
  }

  ask(key: string | undefined, caller: string, idempotent: boolean): Asked {
    const at = `${caller} ${key ?? ''}`;
    const turn = this.#turns.get(at) ?? 0;
    this.#turns.set(at, turn + 1);
    const asked: Asked = { number: this.#asked.length, key, caller, turn, idempotent, begun: 0, end: 'open' };
    this.#asked.push(asked);
    return asked;
  }

  begins(number: number): Asked | undefined {
    const asked = this.#asked[number];
    if (asked === undefined) {
      this.wrong(`call ${number} was never made`);
      return undefined;
    }
    asked.begun += 1;
    if (asked.begun > 1 && !asked.idempotent) this.wrong(`call ${number} is begun ${asked.begun} times`);
    return asked;
  }

  /** An owner opens a key. */
  opens(key: string, owner: string, epoch: number, state: Log | undefined): void {
    if (this.#gone.has(owner)) return;
    const book = this.#key(key);
    if (epoch <= book.epoch) this.wrong(`${key} is opened in epoch ${epoch} after ${book.epoch}`);
    if (book.owner !== undefined && !book.mayBeLost)
      this.wrong(`${key} is opened by ${owner} while ${book.owner} has it`);
    const possible = [book.left];
    if (book.mayBeLost) possible.push(undefined);
    // One that died while it opened the key has changed nothing.
    if (book.mayBeLost && !book.isUsed) possible.push(book.given);
    if (!possible.some((one) => String(one) === String(state))) {
      this.wrong(`${key} is opened with ${String(state)}, not ${String(book.left)}`);
    }
    if (book.epoch > 0) this.moves += 1;
    Object.assign(book, { epoch, owner, left: undefined, mayBeLost: false, given: state, isUsed: false });
  }

  /** The owner of a key begins a call: those of one caller in the order in which it made them. */
  uses(key: string, epoch: number, number: number): void {
    const book = this.#key(key);
    const asked = this.#asked[number];
    if (book.epoch !== epoch || asked === undefined) return;
    book.isUsed = true;
    if (asked.idempotent) return;
    const before = book.turns.get(asked.caller) ?? -1;
    if (asked.turn <= before) this.wrong(`${key}: turn ${asked.turn} of ${asked.caller} comes after ${before}`);
    book.turns.set(asked.caller, asked.turn);
  }

  /** An owner has closed a key. */
  closed(key: string, epoch: number, state: Log): void {
    const book = this.#key(key);
    if (book.epoch !== epoch) return;
    Object.assign(book, { owner: undefined, left: state });
  }

  joins(owner: string): void {
    this.#gone.delete(owner);
  }

  leaves(owner: string): void {
    this.#gone.add(owner);
    this.doubt(owner);
  }

  /** A member is dead: what it has may be lost. */
  doubt(owner: string): void {
    for (const book of this.#keys.values()) if (book.owner === owner || book.owner === undefined) book.mayBeLost = true;
  }

  resolved(asked: Asked): void {
    asked.end = 'resolved';
    this.answers += 1;
    if (asked.begun === 0) this.wrong(`call ${asked.number} is answered and was never begun`);
  }

  rejected(asked: Asked, { code, message }: BusError): void {
    asked.end = 'rejected';
    if (!honest.has(code)) this.wrong(`call ${asked.number} rejects ${code} ${message}`);
  }

  /** Whatever it is has to settle. */
  follow(what: string, promise: Promise<unknown>, caller?: string): void {
    this.#promises += 1;
    const name = `${what} ${this.#promises}`;
    this.#open.set(name, caller);
    const done = (): void => void this.#open.delete(name);
    promise.then(done, (error: BusError) => {
      done();
      if (!honest.has(error.code) && error.code !== 'ERR_NO_MEMBER' && error.code !== 'ERR_INVALID_ARGUMENT') {
        this.wrong(`${what} rejects ${error.code} ${error.message}`);
      }
    });
  }

  /** A dead caller waits for nothing. */
  forget(caller: string): void {
    for (const asked of this.#asked) if (asked.caller === caller && asked.end === 'open') asked.end = 'rejected';
    for (const [name, of] of this.#open) if (of === caller) this.#open.delete(name);
  }

  get unsettled(): string[] {
    const calls = this.#asked.filter(({ end }) => end === 'open').map(({ number }) => `call ${number}`);
    return [...this.#open.keys(), ...calls];
  }

  #key(name: string): KeyBook {
    let book = this.#keys.get(name);
    if (book === undefined) {
      book = {
        epoch: 0,
        owner: undefined,
        left: undefined,
        mayBeLost: false,
        given: undefined,
        isUsed: false,
        turns: new Map(),
      };
      this.#keys.set(name, book);
    }
    return book;
  }
}
