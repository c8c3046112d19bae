import type { BusError } from '../../lib/index.ts';
import type { SimProcess } from './sim-process.ts';

/** What may end a call when sessions are lost, ends destroyed and deadlines missed on purpose. */
const honestCodes = new Set([
  'ERR_CLOSED',
  'ERR_DESTROYED',
  'ERR_SESSION_LOST',
  'ERR_TIMEOUT',
  'ERR_ABORTED',
  'ERR_SPEC',
]);

/** Who speaks: a client, or a server's connection. */
export interface Speaker {
  readonly name: string;
  readonly process: SimProcess;
  /** Its messages of a lost session are sent again in the next one. */
  readonly resends: boolean;
  /** Sessions of its that were lost. */
  losses: number;
  up: boolean;
  /** Links it ever had. */
  links: number;
  /** How much had been said when it began to close, and to take nothing more. */
  closesFrom: number | undefined;
  /** It was told to close. */
  closes: boolean;
}

/** One thing said or asked. */
export interface Item {
  readonly number: number;
  readonly kind: 'message' | 'confirmed' | 'request' | 'lane message' | 'lane request';
  readonly from: Speaker;
  /** May be asked again once its session was lost. */
  readonly idempotent: boolean;
  /** Its links when it was said; undefined: it had one then. */
  readonly downSince: number | undefined;
  heard: number;
  handled: number;
  /** Loops that have it. */
  inLoops: number;
  end: 'open' | 'resolved' | 'rejected';
  /** What it was rejected with. */
  code: string | undefined;
  reported: boolean;
  /** Given up while there was no link, and said while there was none: nobody can have heard it. */
  withdrawn: boolean;
}

/** The books of one run of the whole API: who said what to whom, and what came of it. */
export class ApiBooks {
  readonly violations: string[] = [];
  readonly #items: Item[] = [];
  readonly #lastHeard = new Map<string, number>();
  /** Calls of living processes that have not settled. */
  readonly #open = new Map<object, string>();
  readonly #ofProcess = new Map<object, SimProcess>();
  readonly #mayRefuse: boolean;
  heard = 0;
  confirmed = 0;
  withdrawn = 0;

  /** `mayRefuse`: limits are so low that ERR_QUEUE_FULL is to be expected. */
  constructor(mayRefuse: boolean) {
    this.#mayRefuse = mayRefuse;
  }

  wrong(text: string): void {
    this.violations.push(text);
  }

  new(kind: Item['kind'], from: Speaker, idempotent = false): Item {
    const downSince = from.up ? undefined : from.links;
    const counts = { heard: 0, handled: 0, inLoops: 0 };
    const number = this.#items.length;
    const item: Item = {
      number,
      kind,
      from,
      idempotent,
      downSince,
      ...counts,
      end: 'open',
      code: undefined,
      reported: false,
      withdrawn: false,
    };
    this.#items.push(item);
    return item;
  }

  item(number: number): Item | undefined {
    return this.#items[number];
  }

  /** How much was said. */
  get length(): number {
    return this.#items.length;
  }

  /** The messages that `speaker` said, as far as they were not refused. */
  saidBy(speaker: Speaker): Item[] {
    return this.#items.filter(({ from, kind, end }) => from === speaker && kind === 'message' && end !== 'rejected');
  }

  /** After a flush that no loss of a session ended. */
  checkHeard(items: readonly Item[]): void {
    for (const { number, from, heard, end, reported } of items) {
      if (heard === 0 && end === 'resolved' && !reported)
        this.wrong(`message ${number} of ${from.name} was flushed and not heard`);
    }
  }

  /** Somebody was given an item: `by` names the conversation it came in. */
  hears(number: number, by: string): Item | undefined {
    const item = this.#items[number];
    if (item === undefined) {
      this.wrong(`nobody ever said ${number}, which ${by} heard`);
      return undefined;
    }
    const { kind, from } = item;
    const what = `${kind} ${number} of ${from.name}`;
    const mayRepeat = from.losses > 0 && (item.idempotent || (from.resends && kind === 'message'));
    if (item.heard > 0 && !mayRepeat) this.wrong(`${what} was heard twice`);
    if (item.withdrawn) this.wrong(`${what} was withdrawn and heard`);
    item.heard += 1;
    this.heard += 1;
    if (item.idempotent) return item;
    const lane = kind.startsWith('lane') ? 'lane' : '';
    // A server that closes or was cut off may still hand out what came before its client moved on.
    const order = `${from.name} to ${by} ${lane}`;
    const last = this.#lastHeard.get(order) ?? -1;
    if (number <= last) this.wrong(`${what} came to ${by} after ${last}`);
    this.#lastHeard.set(order, number);
    return item;
  }

  /** An end hears something: what a pause holds back, and what was said when it had begun to close, only if both close. */
  checkHeld(number: number, by: Speaker & { readonly pauses: boolean }): void {
    const from = this.#items[number]?.from;
    if (from === undefined || (by.closes && from.closes)) return;
    if (by.pauses) this.wrong(`${by.name} heard ${number} while it pauses`);
    else if (by.closesFrom !== undefined && number >= by.closesFrom) {
      this.wrong(`${by.name} closes, and hears ${number} that ${from.name} said later`);
    }
  }

  /**
   * A server closed for the next one and all else was well: what was said from `first` to `last` by `speakers` went on. Of
   * the server's own, what still waited for room may be refused as it closes: `codes` are those that tell of a loss.
   */
  checkHandedOver(first: number, last: number, speakers: ReadonlySet<Speaker>, codes: readonly string[]): void {
    for (const { number, kind, from, code = '', reported } of this.#items.slice(first, last)) {
      const isLost = reported || codes.includes(code);
      if (isLost && speakers.has(from)) this.wrong(`${kind} ${number} of ${from.name} was lost by a hand-over`);
    }
  }

  undelivered(speaker: Speaker, messages: readonly { readonly data: unknown }[]): void {
    for (const { data } of messages) {
      const item = this.#items[(data as { n: number }).n];
      if (item === undefined) continue;
      if (item.from !== speaker || item.kind !== 'message') this.wrong(`${item.kind} ${item.number} is undelivered`);
      if (item.reported) this.wrong(`message ${item.number} of ${speaker.name} is undelivered twice`);
      item.reported = true;
    }
  }

  /** Follows the call that says `item`; `check` looks at what it resolves with. */
  said(item: Item, promise: Promise<unknown>, check: (value: unknown) => string | undefined = () => undefined): void {
    const { kind, number, from } = item;
    this.follow(kind, from.process, promise).then(
      (value) => {
        item.end = 'resolved';
        const wrong = check(value);
        if (wrong !== undefined) this.wrong(`${kind} ${number} of ${from.name} ${wrong}`);
        if (kind === 'confirmed') this.confirmed += 1;
      },
      ({ code }: BusError) => {
        item.end = 'rejected';
        item.code = code;
        const isGivenUp = code === 'ERR_ABORTED' || code === 'ERR_TIMEOUT';
        if (!isGivenUp || from.up || item.downSince !== from.links) return;
        item.withdrawn = true;
        this.withdrawn += 1;
        if (item.heard > 0) this.wrong(`${kind} ${number} of ${from.name} was heard and never sent`);
      },
    );
  }

  /** A call must settle while its process lives, and with an honest error. */
  follow<T>(what: string, process: SimProcess, promise: Promise<T>): Promise<T> {
    const key = {};
    this.#open.set(key, what);
    this.#ofProcess.set(key, process);
    promise.then(
      () => this.#open.delete(key),
      (error: BusError) => {
        this.#open.delete(key);
        const isHonest = honestCodes.has(error.code) || (this.#mayRefuse && error.code === 'ERR_QUEUE_FULL');
        if (!isHonest) this.wrong(`${what}: ${error.code} ${error.message}`);
      },
    );
    return promise;
  }

  /** Calls of living processes that have not settled. */
  get open(): string[] {
    return [...this.#open].filter(([key]) => this.#ofProcess.get(key)?.alive).map(([, what]) => what);
  }

  /** All was well for long. */
  checkSettled(): void {
    for (const what of this.open) if (what !== 'loop') this.wrong(`a ${what} is still open although all is well`);
  }

  /** What is wrong at the end, when all is closed. */
  audit(): string[] {
    const wrong = [...this.violations];
    for (const what of this.open) wrong.push(`a ${what} never settled`);
    for (const { number, kind, from, heard, reported, end } of this.#items) {
      if (kind !== 'message' || !from.process.alive) continue;
      if (end === 'rejected' && reported) wrong.push(`message ${number} of ${from.name} is rejected and undelivered`);
      if (end === 'resolved' && heard === 0 && !reported) {
        wrong.push(`message ${number} of ${from.name} is gone without a word`);
      }
    }
    return wrong;
  }
}
