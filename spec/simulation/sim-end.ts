import { Client, type Connection, definePlugin, type Plugin } from '../../lib/index.ts';
import type { Lane, PeerHandle } from '../../lib/bus/plugin.ts';
import type { SeededRandom } from '../../lib/testing/index.ts';
import type { ApiBooks, Item, Speaker } from './api-books.ts';
import type { SimProcess } from './sim-process.ts';

/** What is put into messages and requests; `how` the other end handles it. */
interface Said {
  readonly n: number;
  readonly how: number;
  readonly fill: string;
}

const failure = (): Error => Object.assign(new Error('as the other end asked'), { code: 'ERR_SPEC' });

/** One end of a conversation: says, asks and answers, and keeps the books of all that. */
export class SimEnd implements Speaker {
  readonly name: string;
  readonly process: SimProcess;
  readonly resends: boolean;
  readonly peer: Client | Connection;
  readonly #books: ApiBooks;
  readonly #random: SeededRandom;
  readonly #lane: () => Lane | undefined;
  losses = 0;
  up = false;
  links = 0;
  isOver = false;
  /** While it lets nothing of the user's lane through. */
  pauses = false;
  closesFrom: number | undefined;
  closes = false;
  #sessions = 0;
  /** Says and asks much at a time. */
  readonly #eager: boolean;
  /** Says so many things at a time. */
  readonly #most: number;

  constructor(
    name: string,
    process: SimProcess,
    peer: Client | Connection,
    books: ApiBooks,
    random: SeededRandom,
    lane: () => Lane | undefined,
    resends = false,
  ) {
    this.name = name;
    this.process = process;
    this.peer = peer;
    this.#books = books;
    this.#random = random;
    this.#lane = lane;
    this.resends = resends;
    this.#eager = random.chance(0.1);
    this.#most = this.#eager ? 12 : random.pick([1, 2, 4]);
  }

  /** The conversation it hears in; a client has one for each session. */
  get hearing(): string {
    return `${this.name}, session ${this.#sessions}`;
  }

  newSession(): void {
    this.#sessions += 1;
  }

  link(up: boolean): void {
    if (!this.process.alive) return;
    if (up === this.up) this.#books.wrong(`${this.name}: link ${up} twice`);
    if (up) this.links += 1;
    this.up = up;
  }

  /** What is said from now on comes too late for it. */
  close(): void {
    this.closesFrom ??= this.#books.length;
    this.closes = true;
  }

  undelivered(messages: readonly { readonly data: unknown }[]): void {
    if (this.process.alive) this.#books.undelivered(this, messages);
  }

  /** Handles a message, as it says. */
  message(data: unknown, isOnLane = false): unknown {
    if (!this.process.alive) return undefined;
    const said = data as Said;
    if (said.n === undefined) return undefined;
    this.#checkPause(said, isOnLane);
    const item = this.#books.hears(said.n, this.hearing);
    return this.#handle(said, item);
  }

  request(data: unknown, isOnLane = false): unknown {
    const said = data as Said;
    if (!this.process.alive || said.n === undefined) return 'survey';
    this.#checkPause(said, isOnLane);
    const item = this.#books.hears(said.n, this.hearing);
    const answer = `answer to ${said.n}${said.how % 5 === 0 ? 'x'.repeat(900) : ''}`;
    const handled = this.#handle(said, item);
    return handled === undefined ? answer : Promise.resolve(handled).then(() => answer);
  }

  #checkPause({ n }: Said, isOnLane: boolean): void {
    if (!isOnLane) this.#books.checkHeld(n, this);
  }

  #handle({ how }: Said, item: Item | undefined): unknown {
    if (how === 1) throw failure();
    if (how < 5) {
      if (item !== undefined) item.handled += 1;
      return undefined;
    }
    return new Promise<void>((done) => this.process.clock.setTimer(done, how * 13)).then(() => {
      if (how === 6) throw failure();
      if (item !== undefined) item.handled += 1;
    });
  }

  /** A loop over messages that leaves after some. */
  async read(): Promise<void> {
    const { process } = this;
    const random = this.#random;
    let left = random.between(1, 12);
    const asks = random.chance(0.3);
    const loop = this.peer.messages();
    for await (const data of loop) {
      if (!process.alive) return;
      const { n } = data as Said;
      const item = n === undefined ? undefined : this.#books.item(n);
      if (item !== undefined) item.inLoops += 1;
      if (random.chance(0.5)) await new Promise<void>((done) => process.clock.setTimer(done, random.between(0, 60)));
      if (asks && !this.isOver) await this.ask().catch(() => {});
      if (item !== undefined) item.inLoops -= 1;
      if (--left === 0) break;
    }
  }

  /** Says something, one way or another; `briskly`: nothing that has the other end take its time. */
  say(briskly = false): void {
    const random = this.#random;
    if (this.isOver) return;
    for (let count = random.between(0, this.#most); count > 0; count--) this.#send();
    for (let count = this.#eager ? random.between(0, 8) : random.between(-2, 1); count > 0; count--) {
      this.ask().catch(() => {});
    }
    if (random.chance(0.25)) this.#sayOnLane();
    if (random.chance(0.05)) this.#flush();
    if (random.chance(0.05)) void this.#follow('ping', this.peer.ping(1, 1_000));
    if (!briskly && random.chance(0.05)) void this.#follow('loop', this.read());
  }

  async ask(): Promise<unknown> {
    const random = this.#random;
    // On a server no session follows one that is lost.
    const idempotent = random.chance(0.2) && this.peer instanceof Client;
    const item = this.#books.new('request', this, idempotent);
    const timeout = random.pick([50, 100, 400, 2_000, 2_000]);
    const settings = { timeout, signal: this.#signal(), ...(idempotent ? { idempotent } : {}) };
    const asked = this.peer.request(this.#data(item), settings);
    this.#books.said(item, asked, (answer) =>
      String(answer).replace(/x+$/, '') === `answer to ${item.number}` && item.handled > 0
        ? undefined
        : `got ${answer}`,
    );
    return asked;
  }

  #send(): void {
    const random = this.#random;
    const confirm = random.chance(0.3);
    const item = this.#books.new(confirm ? 'confirmed' : 'message', this);
    const data = this.#data(item);
    const timeout = random.chance(0.2) ? random.between(1, 500) : undefined;
    const settings = { confirm, timeout, signal: this.#signal() };
    const sent = confirm || timeout !== undefined ? this.peer.send(data, settings) : this.peer.send(data);
    this.#books.said(item, sent, () => {
      if (!confirm) return undefined;
      if (item.handled === 0) return 'is confirmed and was not handled';
      if (data.how === 1 || data.how === 6) return 'is confirmed, and its handler failed';
      return item.inLoops > 0 ? 'is confirmed while a loop has it' : undefined;
    });
  }

  #sayOnLane(): void {
    const lane = this.#lane();
    if (lane === undefined) return;
    const handle = this.peer as unknown as PeerHandle;
    const message = this.#books.new('lane message', this);
    this.#books.said(message, lane.send(handle, this.#data(message)));
    const request = this.#books.new('lane request', this);
    const asked = lane.request(handle, this.#data(request), { timeout: 1_000, signal: this.#signal() });
    this.#books.said(request, asked, (answer) =>
      String(answer).startsWith(`answer to ${request.number}`) ? undefined : `got ${String(answer)}`,
    );
  }

  /** What was said before is heard by then, unless the session broke off or was lost. */
  #flush(): void {
    const { losses, links, process } = this;
    const said = this.#books.saidBy(this);
    const check = (): void => {
      const isSame = this.up && this.links === links && this.losses === losses && !this.isOver;
      if (isSame) this.#books.checkHeard(said);
    };
    this.#books.follow('flush', process, this.peer.flush()).then(
      () => process.clock.defer(check),
      () => {},
    );
  }

  #follow(what: string, promise: Promise<unknown>): Promise<unknown> {
    return this.#books.follow(what, this.process, promise).catch(() => {});
  }

  #data({ number }: Item): Said {
    const random = this.#random;
    return {
      n: number,
      how: random.between(0, 12),
      fill: random.chance(0.1) ? 'x'.repeat(random.between(1, 2_500)) : '',
    };
  }

  /** One that fires after a while, sometimes. */
  #signal(): AbortSignal | undefined {
    const random = this.#random;
    if (!random.chance(0.15)) return undefined;
    const controller = new AbortController();
    this.process.clock.setTimer(() => controller.abort(), random.between(0, 400));
    return controller.signal;
  }
}

/** A plugin whose lane carries what ends say to each other, as lane 0 does. */
export function lanePlugin(endOf: (peer: PeerHandle) => SimEnd | undefined): Plugin<Lane> {
  const handlers = {
    message: async (data: unknown, peer: PeerHandle) => void (await endOf(peer)?.message(data, true)),
    request: (data: unknown, { peer }: { readonly peer: PeerHandle }) => endOf(peer)?.request(data, true),
  };
  return definePlugin<Lane, Lane>({
    name: 'simulated',
    server: (host) => ({ api: host.lane(handlers) }),
    client: (host) => ({ api: host.lane(handlers) }),
  });
}
