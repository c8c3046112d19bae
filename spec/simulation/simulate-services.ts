import { Client, Server } from '../../lib/index.ts';
import { callOptions } from '../../lib/plugins/rpc/index.ts';
import {
  type Member,
  type Service,
  type ServiceContext,
  type Services,
  services,
  type ServicesHub,
} from '../../lib/plugins/services/index.ts';
import { MemoryFaults, MemoryNetwork, SeededRandom } from '../../lib/testing/index.ts';
import { type Log, ServicesBooks } from './services-books.ts';
import { SimClock } from './sim-clock.ts';
import { SimProcess } from './sim-process.ts';

export interface ServicesOutcome {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly answers: number;
  readonly moves: number;
  readonly strikes: readonly string[];
  /** Virtual milliseconds; equal for equal runs. */
  readonly endedAt: number;
}

interface Rooms {
  enter(number: number): Promise<number>;
}

interface Room extends Rooms {
  readonly epoch: number;
  readonly log: Log;
  isClosed: boolean;
}

/** A process that owns keys, offers a service without keys, and calls both. */
interface Worker {
  readonly name: string;
  /** Its name, and which process of that name it is. */
  readonly label: string;
  readonly process: SimProcess;
  readonly client: Client;
  readonly mine: Services;
  readonly rooms: Service<Rooms>;
  readonly desk: Service<Rooms>;
  isClosing: boolean;
}

const concurrency = 2;
const keys = ['a', 'b', 'c', 'd', 'e'];

/** One run of a hub and some workers, each in a process of its own; workers come, go, and are killed. */
class ServicesRun {
  readonly clock = new SimClock({ maxSteps: 200_000 });
  readonly books = new ServicesBooks();
  readonly strikes: string[] = [];
  readonly #random: SeededRandom;
  /** Of what is said and what goes wrong. */
  readonly #mostRounds: number;
  readonly #faults: MemoryFaults;
  readonly #network: MemoryNetwork;
  readonly #server: Server;
  readonly #hub: ServicesHub;
  readonly #workers: Worker[] = [];
  #made = 0;

  constructor(seed: number, mostRounds: number) {
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#mostRounds = mostRounds;
    const direction = (): object => ({ cutAtByte: random.chance(0.1) ? random.between(1, 6_000) : undefined });
    this.#faults = new MemoryFaults({ random, plan: () => ({ toServer: direction(), toClient: direction() }) });
    this.#network = new MemoryNetwork({ faults: this.#faults });
    const process = new SimProcess(this.clock, this.#network);
    this.#server = new Server({
      url: 'memory:hub',
      sessionGraceMs: random.pick([300, 5_000]),
      surveyGraceMs: 200,
      ...this.#options(process),
    });
    this.#hub = this.#server.use(services({ waitMs: 1_000, closeMs: 1_000 }));
    // What one has may be lost with it, from the moment the hub takes it for gone.
    this.#hub.on('join', (member) => this.books.joins(labelOf(member)));
    this.#hub.on('leave', (member) => this.books.leaves(labelOf(member)));
  }

  async run(): Promise<void> {
    const random = this.#random;
    this.books.follow('start', this.#server.start());
    await this.clock.run(0);
    for (let count = random.between(1, 3); count > 0; count -= 1) this.#start();
    await this.clock.run(20);
    for (let round = random.between(1, this.#mostRounds); round > 0; round -= 1) {
      for (let step = random.between(1, 2); step > 0; step -= 1) {
        for (const worker of this.#living) this.#say(worker);
        await this.clock.run(random.between(0, 60));
      }
      this.#strike();
    }
    for (const pair of this.#faults.pairs) pair.heal();
    await this.clock.run(8_000);
    this.#checkCalm();
    for (const worker of this.#living) this.#close(worker);
    await this.clock.run(3_000);
    this.books.follow('close', this.#server.close());
    for (let waits = 0; waits < 100 && (this.books.unsettled.length > 0 || this.clock.pending > 0); waits += 1) {
      await this.clock.run(1_000);
    }
  }

  finish(seed: number): ServicesOutcome {
    const { violations, answers, moves, unsettled } = this.books;
    for (const what of unsettled) violations.push(`${what} never settled`);
    if (this.clock.pending > 0) violations.push(`${this.clock.pending} timers are left`);
    return { seed, violations, answers, moves, strikes: this.strikes, endedAt: this.clock.now() };
  }

  get #living(): Worker[] {
    return this.#workers.filter(({ process, isClosing }) => process.alive && !isClosing);
  }

  #options(process: SimProcess): object {
    const { clock, network } = process;
    const times = { heartbeatIntervalMs: 300, heartbeatTimeoutMs: 200, handshakeTimeoutMs: 500, closeTimeoutMs: 1_500 };
    return { clock, network, random: this.#random, ...times };
  }

  #start(name = `w${this.#random.between(1, 4)}`): void {
    const random = this.#random;
    const { books } = this;
    const process = new SimProcess(this.clock, this.#network);
    const client = new Client({
      url: `memory:hub?netLag=${random.pick([0, 1, 5])}`,
      retries: Number.POSITIVE_INFINITY,
      maxRetryTime: 200,
      ...this.#options(process),
    });
    const mine = client.use(services({ name, meta: { number: (this.#made += 1) }, takeOver: random.chance(0.3) }));
    const label = `${name}.${this.#made}`;
    const wait = (ms: number): Promise<void> => new Promise((done) => process.clock.setTimer(done, ms));
    const slow = random.pick([0, 0, 3, 20]);
    mine.own<Room>(
      'room',
      {
        open: async (key, state, { epoch }) => {
          if (process.alive) books.opens(key, label, epoch, state as Log | undefined);
          if (slow > 0) await wait(slow);
          return this.#room(worker, key, epoch, (state as Log | undefined) ?? [], wait);
        },
        close: async (room, key) => {
          if (slow > 0) await wait(slow);
          const { epoch, log } = room;
          room.isClosed = true;
          if (process.alive) books.closed(key, epoch, log);
          return log;
        },
      },
      { capacity: random.pick([1, 1, 4]) },
    );
    let running = 0;
    const enter = async (number: number, ...rest: readonly unknown[]): Promise<number> => {
      if (process.alive) books.begins(number);
      running += 1;
      if (running > concurrency && process.alive) books.wrong(`${label} answers ${running} calls at once`);
      let isOver = false;
      // One that was given up does not count any more.
      const over = (): void => {
        if (!isOver) running -= 1;
        isOver = true;
      };
      (rest.at(-1) as ServiceContext).signal.addEventListener('abort', over);
      await wait(number % 4);
      over();
      return number;
    };
    mine.provide('desk', { enter }, { concurrency });
    client.on('error', () => undefined);
    mine.on('error', () => undefined);
    const rooms = mine.service<Rooms>('room');
    const desk = mine.service<Rooms>('desk');
    const worker: Worker = { name, label, process, client, mine, rooms, desk, isClosing: false };
    this.#workers.push(worker);
    client.connect().catch(() => {
      worker.isClosing = true;
    });
  }

  #room({ process }: Worker, key: string, epoch: number, given: Log, wait: (ms: number) => Promise<void>): Room {
    const { books } = this;
    const log = [...given];
    const room = {
      epoch,
      log,
      isClosed: false,
      enter: async (number: number, ...rest: readonly unknown[]) => {
        const context = rest.at(-1) as ServiceContext;
        if (process.alive) {
          books.begins(number);
          books.uses(key, epoch, number);
          if (context.epoch !== epoch) books.wrong(`${key} in epoch ${epoch} is called in ${context.epoch}`);
        }
        if (number % 3 === 0) await wait(number % 7);
        if (room.isClosed && process.alive) books.wrong(`${key} is closed while call ${number} is answered`);
        log.push(number);
        return number;
      },
    };
    return room;
  }

  #say({ label, rooms, desk }: Worker): void {
    const random = this.#random;
    for (let count = random.between(0, 4); count > 0; count -= 1) {
      const key = random.chance(0.7) ? random.pick(keys) : undefined;
      const idempotent = random.chance(0.2);
      const asked = this.books.ask(key, label, idempotent);
      const options = callOptions({ timeout: random.pick([200, 3_000, 0]), idempotent });
      const { call } = key === undefined ? desk : rooms.key(key);
      call.enter(asked.number, options).then(
        (number) => {
          if (number !== asked.number) this.books.wrong(`call ${asked.number} is answered with ${number}`);
          this.books.resolved(asked);
        },
        (error) => this.books.rejected(asked, error),
      );
    }
  }

  #close(worker: Worker): void {
    worker.isClosing = true;
    this.books.follow('close', worker.client.close(), worker.label);
  }

  /** Nothing is wrong any more, and has not been for a while. */
  #checkCalm(): void {
    const { books } = this;
    const here = this.#hub.members().map(({ name }) => name);
    const living = this.#living.map(({ name }) => name);
    for (const name of here) {
      if (name !== 'hub' && !living.includes(name)) books.wrong(`${name} is gone, and still a member`);
    }
    for (const key of keys) {
      const owner =
        here.includes('hub') && this.#hub.members('room').length > 0 ? this.#hub.owner('room', key) : undefined;
      if (owner !== undefined && !living.includes(owner.name))
        books.wrong(`${key} is owned by ${owner.name}, who is gone`);
    }
    for (const what of books.unsettled) books.wrong(`${what} waits in calm`);
  }

  #strike(): void {
    const random = this.#random;
    const { books } = this;
    const pairs = [...this.#faults.pairs];
    const pair = pairs.length === 0 ? undefined : random.pick(pairs);
    const living = this.#living;
    const worker = living.length === 0 ? undefined : random.pick(living);
    const member = worker?.mine.id;
    const later = (task: () => void): void => void this.clock.setTimer(task, random.between(5, 400));
    const menu: Record<string, () => void> = {
      'cut all': () => pairs.forEach((each) => each.cut()),
      cut: () => pair?.cut(),
      'black hole that heals': () => {
        pair?.blackHole();
        later(() => pair?.heal());
      },
      'worker killed': () => {
        if (worker === undefined) return;
        this.#kill(worker);
        if (random.chance(0.7)) this.#start(random.chance(0.5) ? worker.name : undefined);
      },
      'worker closes': () => {
        if (worker !== undefined) this.#close(worker);
        this.#start();
      },
      'worker comes': () => this.#start(),
      'hub drains': () => {
        if (member !== undefined) books.follow('drain', this.#hub.drain(member));
        this.#start();
      },
      'worker drains': () => {
        if (worker !== undefined && member !== undefined) books.follow('drain', worker.mine.drain(), worker.label);
      },
      'keys move': () => {
        for (const key of keys) {
          const to = random.pick(living)?.mine.id;
          if (to !== undefined) books.follow('move', this.#hub.move('room', key, to));
        }
      },
      rebalance: () => {
        if (this.#hub.members('room').length > 0) books.follow('rebalance', this.#hub.rebalance('room'));
      },
    };
    const strike = random.pick(Object.keys(menu));
    this.strikes.push(strike);
    menu[strike]?.();
  }

  #kill(worker: Worker): void {
    this.books.doubt(worker.label);
    worker.process.kill(this.#random.chance(0.5));
    this.books.forget(worker.label);
  }
}

/** As which process it is known here. */
function labelOf({ name, meta }: Member): string {
  return `${name}.${(meta as { readonly number: number } | undefined)?.number}`;
}

/** Runs the scenario that `seed` decides, in up to `mostRounds` faults with what is said before each. */
export async function simulateServices(seed: number, mostRounds = 3): Promise<ServicesOutcome> {
  const run = new ServicesRun(seed, mostRounds);
  await run.run().catch((error) => run.books.wrong(String(error)));
  return run.finish(seed);
}
