import { Client, type Connection, Server } from '../../lib/index.ts';
import type { Lane } from '../../lib/bus/plugin.ts';
import { MemoryFaults, MemoryNetwork, SeededRandom } from '../../lib/testing/index.ts';
import { ApiBooks } from './api-books.ts';
import { SimClock } from './sim-clock.ts';
import { lanePlugin, SimEnd } from './sim-end.ts';
import { SimProcess } from './sim-process.ts';

export interface ApiOutcome {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly heard: number;
  readonly confirmed: number;
  readonly withdrawn: number;
  readonly strikes: readonly string[];
  /** Virtual milliseconds; equal for equal runs. */
  readonly endedAt: number;
}

interface Host {
  readonly name: string;
  readonly address: string;
  readonly process: SimProcess;
  readonly server: Server;
  readonly ends: Map<Connection, SimEnd>;
  isClosing: boolean;
}

interface Guest {
  readonly end: SimEnd;
  readonly client: Client;
  isClosing: boolean;
}

/** When all is well for so long, nothing waits any more. */
const calmMs = 20_000;

/** One run of several clients and servers, each in a process of its own that may be killed. */
class ApiRun {
  readonly clock = new SimClock({ maxSteps: 200_000 });
  readonly strikes: string[] = [];
  readonly books: ApiBooks;
  readonly #random: SeededRandom;
  /** Of what is said and what goes wrong. */
  readonly #mostRounds: number;
  readonly #faults: MemoryFaults;
  readonly #network: MemoryNetwork;
  readonly #limits: {
    readonly maxUnackedBytes: number;
    readonly maxPendingMessages: number;
    readonly maxOpenRequests: number;
  };
  readonly #hosts: Host[] = [];
  readonly #guests: Guest[] = [];
  #refuses = false;
  /** Links break no more. */
  #isCalm = false;
  #made = 0;

  constructor(seed: number, mostRounds: number) {
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#mostRounds = mostRounds;
    const direction = (): object => ({
      cutAtByte: random.chance(0.25) ? random.between(1, 3_000) : undefined,
      blackHoleAtByte: random.chance(0.05) ? random.between(1, 3_000) : undefined,
      sliceBytes: random.chance(0.2) ? random.between(10, 300) : undefined,
    });
    const plan = (): object =>
      this.#isCalm ? {} : { refuse: this.#refuses, toServer: direction(), toClient: direction() };
    this.#faults = new MemoryFaults({ random, plan });
    this.#network = new MemoryNetwork({ faults: this.#faults });
    this.#limits = {
      maxUnackedBytes: random.pick([1_024, 4_096, 1_000_000]),
      maxPendingMessages: random.pick([3, 50, 10_000]),
      maxOpenRequests: random.pick([3, 1_000, 1_000]),
    };
    const { maxUnackedBytes, maxOpenRequests } = this.#limits;
    this.books = new ApiBooks(maxUnackedBytes < 1_000_000 || maxOpenRequests === 3);
  }

  async run(): Promise<void> {
    const { clock } = this;
    const random = this.#random;
    for (const address of ['one', 'two'].slice(0, random.between(1, 2))) this.#startServer(address);
    await clock.run(0);
    for (let count = random.between(1, 3); count > 0; count--) this.#startClient();
    await clock.run(30);
    for (let round = random.between(1, this.#mostRounds); round > 0; round--) {
      for (let step = random.between(1, 2); step > 0; step--) {
        for (const { end } of this.#ends) end.say();
        this.#surveys();
        await clock.run(random.between(0, 80));
        this.#checkLimits();
      }
      this.#strike();
    }
    this.#refuses = false;
    for (const pair of this.#faults.pairs) pair.heal();
    for (const one of [...this.#living(this.#hosts), ...this.#living(this.#guests)]) this.#resume(one);
    const quietMs = random.pick([0, 500, 3_000, calmMs]);
    await clock.run(quietMs);
    if (quietMs === calmMs) {
      this.books.checkSettled();
      await this.#handOver();
    }
    const closing = [...this.#living(this.#guests), ...this.#living(this.#hosts)];
    while (closing.length > 0) {
      const [next] = closing.splice(random.between(0, closing.length - 1), 1);
      if (next !== undefined) this.#close(next);
      await clock.run(random.pick([0, 0, 200]));
    }
    for (let waits = 0; waits < 100 && (this.books.open.length > 0 || clock.pending > 0); waits++)
      await clock.run(1_000);
  }

  /** With nothing else going on, a server closes for the next one, and nobody loses a word. */
  async #handOver(): Promise<void> {
    const { books, clock } = this;
    const random = this.#random;
    const hosts = this.#living(this.#hosts);
    // A loop may take longer than a server waits.
    if (hosts.length === 0 || books.open.length > 0) return;
    this.#isCalm = true;
    for (const pair of this.#faults.pairs) pair.cut();
    await clock.run(3_000);
    const first = books.length;
    const host = random.pick(hosts);
    const guests = this.#living(this.#guests);
    for (const { end } of this.#ends) end.say(true);
    await clock.run(random.between(0, 60));
    const ofHost = new Set([...host.ends.values()].filter(({ up }) => up));
    const until = books.length;
    host.isClosing = true;
    void books.follow('close', host.process, host.server.close(true));
    this.#startServer(host.address);
    for (let turn = 0; turn < 3; turn++) {
      for (const { end } of guests) end.say(true);
      await clock.run(random.between(0, 60));
    }
    await clock.run(3_000);
    books.checkHandedOver(first, until, ofHost, ['ERR_SESSION_LOST']);
    const ofGuests = new Set(guests.map(({ end }) => end));
    books.checkHandedOver(first, books.length, ofGuests, ['ERR_SESSION_LOST', 'ERR_CLOSED', 'ERR_DESTROYED']);
  }

  finish(seed: number): ApiOutcome {
    const violations = this.books.audit();
    for (const { name, process, ends, server } of this.#hosts) {
      if (!process.alive) continue;
      if (server.connections.length > 0) violations.push(`${name} still has connections`);
      for (const end of ends.values()) if (!end.isOver || end.up) violations.push(`${end.name} never ended`);
    }
    for (const { end } of this.#living(this.#guests)) if (end.up) violations.push(`${end.name} still has a link`);
    if (this.clock.pending > 0) violations.push(`${this.clock.pending} timers are left`);
    const { heard, confirmed, withdrawn } = this.books;
    return { seed, violations, heard, confirmed, withdrawn, strikes: this.strikes, endedAt: this.clock.now() };
  }

  /** Those whose process lives, and who were not told to close. */
  #living<T extends Host | Guest>(all: readonly T[]): T[] {
    return all.filter((one) => !one.isClosing && ('end' in one ? one.end.process : one.process).alive);
  }

  get #ends(): { readonly end: SimEnd }[] {
    const ofHosts = this.#living(this.#hosts).flatMap(({ ends }) => [...ends.values()].map((end) => ({ end })));
    return [...this.#living(this.#guests), ...ofHosts];
  }

  #process(): SimProcess {
    return new SimProcess(this.clock, this.#network);
  }

  #options(process: SimProcess): object {
    return {
      clock: process.clock,
      network: process.network,
      random: this.#random,
      heartbeatIntervalMs: 300,
      heartbeatTimeoutMs: 200,
      handshakeTimeoutMs: 500,
      closeTimeoutMs: 1_000,
      ...this.#limits,
    };
  }

  #startServer(address: string): void {
    const { books } = this;
    const random = this.#random;
    const name = `server ${++this.#made}`;
    const process = this.#process();
    const sessionGraceMs = random.pick([600, 5_000]);
    const server = new Server({
      url: `memory:${address}`,
      sessionGraceMs,
      surveyGraceMs: 200,
      ...this.#options(process),
    });
    const ends = new Map<Connection, SimEnd>();
    const host: Host = { name, address, process, server, ends, isClosing: false };
    const lane: Lane = server.use(lanePlugin((peer) => ends.get(peer as unknown as Connection)));
    server.on('connect', (connection) => {
      if (!process.alive) return undefined;
      if (ends.has(connection)) books.wrong(`${name}: a connection connects twice`);
      const end = new SimEnd(`connection ${++this.#made} of ${name}`, process, connection, books, random, () => lane);
      ends.set(connection, end);
      connection.on('undelivered', (messages) => end.undelivered(messages));
      return random.chance(0.2)
        ? new Promise<void>((done) => process.clock.setTimer(done, random.between(0, 300)))
        : undefined;
    });
    server.on('link', (connection, up) => ends.get(connection)?.link(up));
    server.on('disconnect', (connection) => {
      const end = ends.get(connection);
      if (end === undefined || end.isOver) books.wrong(`${name}: disconnect without connect`);
      else end.isOver = true;
    });
    server.on('message', (data, connection) => connection && ends.get(connection)?.message(data));
    server.handle((data, { peer }) => ends.get(peer)?.request(data));
    server.on('error', ({ code, message }) => this.#error(name, code, message));
    this.#hosts.push(host);
    void books.follow('start', process, server.start()).catch(() => {});
  }

  #startClient(): void {
    const { books } = this;
    const random = this.#random;
    const name = `client ${++this.#made}`;
    const process = this.#process();
    const address = random.pick(this.#living(this.#hosts))?.address ?? 'one';
    const onLost = random.chance(0.3) ? 'resend' : 'report';
    const client = new Client({
      url: `memory:${address}?netLag=${random.pick([0, 0, 1, 20])}`,
      retries: Number.POSITIVE_INFINITY,
      maxRetryTime: 400,
      onLost,
      ...this.#options(process),
    });
    const lane: Lane = client.use(lanePlugin(() => end));
    const end: SimEnd = new SimEnd(name, process, client, books, random, () => lane, onLost === 'resend');
    client.on('undelivered', (messages) => end.undelivered(messages));
    client.on('link', (up) => end.link(up));
    client.on('ready', () => end.newSession());
    client.on('session', ({ outcome }) => {
      if (outcome !== 'resumed') end.losses += 1;
    });
    client.on('message', (data) => end.message(data));
    client.handle((data) => end.request(data));
    client.on('error', ({ code, message }) => this.#error(name, code, message));
    const guest: Guest = { end, client, isClosing: false };
    client.on('close', () => {
      end.isOver = true;
      guest.isClosing = true;
    });
    this.#guests.push(guest);
    void books.follow('connect', process, client.connect(name)).catch(() => {});
  }

  /** Faults of the network and of handlers are no faults of the wire. */
  #error(name: string, code: string, message: string): void {
    const isOfWire = code === 'ERR_PROTOCOL' || code === 'ERR_TOO_LARGE';
    if (isOfWire && !message.endsWith('in the middle of its handshake'))
      this.books.wrong(`${name}: ${code} ${message}`);
  }

  #surveys(): void {
    const { books } = this;
    const random = this.#random;
    for (const { process, server } of this.#living(this.#hosts)) {
      if (random.chance(0.1))
        void books.follow('survey', process, server.survey({ survey: true }, 800)).catch(() => {});
      if (random.chance(0.1)) void books.follow('broadcast', process, server.broadcast({ broadcast: true }));
    }
  }

  #checkLimits(): void {
    const { maxUnackedBytes } = this.#limits;
    for (const { process, ends } of this.#hosts) {
      for (const [connection, { name }] of process.alive ? ends : []) {
        const bytes = connection.conversation.session?.pendingBytes ?? 0;
        if (bytes > 5 * maxUnackedBytes + 4_000) this.books.wrong(`${name}: ${bytes} bytes wait`);
      }
    }
  }

  #resume(one: Host | Guest): void {
    for (const end of 'end' in one ? [one.end] : one.ends.values()) end.pauses = false;
    if ('end' in one) one.client.resume();
    else one.server.resume();
  }

  #close(one: Host | Guest): void {
    const random = this.#random;
    const { books } = this;
    one.isClosing = true;
    // Whoever closes hears what had come.
    for (const end of 'end' in one ? [one.end] : one.ends.values()) end.pauses = false;
    if ('end' in one) {
      one.end.isOver = true;
      one.end.close();
      if (random.chance(0.8)) void books.follow('close', one.end.process, one.client.close());
      else one.client.destroy();
    } else {
      // Its clients hear what they held back, as they go on to the next server.
      for (const { end } of this.#guests) end.pauses = false;
      const isForNext = random.chance(0.5);
      if (!isForNext) for (const end of one.ends.values()) end.close();
      void books.follow('close', one.process, one.server.close(isForNext));
    }
  }

  #strike(): void {
    const random = this.#random;
    const pairs = [...this.#faults.pairs];
    const pair = pairs.length === 0 ? undefined : random.pick(pairs);
    const guests = this.#living(this.#guests);
    const guest = guests.length === 0 ? undefined : random.pick(guests);
    const hosts = this.#living(this.#hosts);
    const host = hosts.length === 0 ? undefined : random.pick(hosts);
    const connection = host === undefined ? undefined : random.pick([...host.ends.values(), undefined]);
    const later = (task: () => void): void => void this.clock.setTimer(task, random.between(10, 700));
    const replace = (address: string): void => {
      if (random.chance(0.5)) this.#startServer(address);
      else later(() => this.#startServer(address));
    };
    const menu: Record<string, () => void> = {
      'cut all': () => pairs.forEach((each) => each.cut()),
      cut: () => pair?.cut(),
      'cut again': () => pair?.cut(),
      'black hole': () => pair?.blackHole(random.pick(['toServer', 'toClient', undefined] as const)),
      'black hole that heals': () => {
        pair?.blackHole();
        later(() => pair?.heal());
      },
      'nobody answers': () => {
        this.#refuses = true;
        pair?.cut();
        later(() => {
          this.#refuses = false;
        });
      },
      'client pauses': () => {
        if (guest === undefined) return;
        guest.client.pause();
        guest.end.pauses = true;
        later(() => this.#resume(guest));
      },
      'server pauses': () => {
        if (host === undefined) return;
        host.server.pause();
        for (const end of host.ends.values()) end.pauses = true;
        later(() => this.#resume(host));
      },
      'client killed': () => {
        guest?.end.process.kill(random.chance(0.5));
        this.#startClient();
      },
      'server killed': () => {
        if (host === undefined) return;
        host.process.kill(random.chance(0.5));
        replace(host.address);
      },
      'server closes': () => {
        if (host === undefined) return;
        this.#close(host);
        replace(host.address);
      },
      'client closes': () => {
        if (guest !== undefined) this.#close(guest);
        this.#startClient();
      },
      'connection closes': () => {
        const peer = connection?.peer as Connection | undefined;
        if (peer === undefined || connection === undefined) return;
        connection.close();
        const close = random.chance(0.3) ? undefined : peer.close('as the spec says', random.chance(0.7));
        if (close === undefined) peer.destroy();
        else void this.books.follow('close', connection.process, close);
      },
    };
    const strike = random.pick(Object.keys(menu));
    this.strikes.push(strike);
    menu[strike]?.();
  }
}

/** Runs the scenario that `seed` decides, in up to `mostRounds` faults with what is said before each. */
export async function simulateApi(seed: number, mostRounds = 3): Promise<ApiOutcome> {
  const run = new ApiRun(seed, mostRounds);
  await run.run();
  return run.finish(seed);
}
