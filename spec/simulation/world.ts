import type { SessionLimits } from '../../lib/session/dialect.ts';
import { SeededRandom } from '../../lib/testing/seeded-random.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import type { End } from './end.ts';
import type { Ledger } from './ledger.ts';
import { Violation } from './ledger.ts';
import type { Parts } from './parts.ts';
import { SimClient } from './sim-client.ts';
import { type Held, SimServer } from './sim-server.ts';
import { type WireEnd, wire } from './wire.ts';

/** What the network does to a link that is opened from now on. */
export interface Weather {
  refuses: boolean;
  latencyMs: number;
  jitterMs: number;
  slices: boolean;
  /** Bytes that the next link lets through, each way. */
  cutNext: [toServer: number, toClient: number] | undefined;
}

/** One run: a server, its clients, the network between them, and the books of all that was sent. */
export class World {
  readonly clock = new VirtualClock({ maxSteps: 200_000 });
  readonly random: SeededRandom;
  readonly parts: Parts;
  readonly limits: SessionLimits;
  readonly graceMs: number;
  readonly weather: Weather = { refuses: false, latencyMs: 1, jitterMs: 0, slices: false, cutNext: undefined };
  readonly clients: SimClient[] = [];
  /** Server processes so far. */
  incarnation = 1;
  server: SimServer;
  /** Something on the wire was changed, so that an end may find no frame where it expects one. */
  corrupted = false;
  /** A sum over everything that happened, and when: equal for equal runs. */
  digest = 0x811c_9dc5;
  trace: ((line: string) => void) | undefined;
  delivered = 0;
  readonly #books = new Map<string, Held>();
  readonly #over = new Set<string>();

  constructor(seed: number, parts: Parts) {
    this.random = new SeededRandom(seed);
    this.parts = parts;
    this.graceMs = this.random.pick([700, 1_500, 4_000]);
    this.limits = {
      maxUnackedBytes: this.random.pick([256, 1_024, 8_192, 100_000]),
      maxPendingMessages: this.random.pick([2, 8, 1_000]),
      heartbeatIntervalMs: this.random.pick([120, 200]),
      heartbeatTimeoutMs: this.random.pick([80, 200]),
      slowConsumerMs: 400,
    };
    this.server = new SimServer(this);
    const clients = this.random.pick([1, 2, 2]);
    for (let index = 0; index < clients; index++) this.clients.push(new SimClient(this, index));
  }

  backoffMs(): number {
    return this.random.between(2, 60);
  }

  /** A new link to the server, which learns of it once its first bytes may have arrived; undefined: nobody answers. */
  dial(client: number): WireEnd | undefined {
    const { weather, random } = this;
    this.log(`dial/${client}`, weather.refuses ? 0 : 1, 0);
    if (weather.refuses) return undefined;
    const [near, far] = wire(this.clock, random, weather.latencyMs);
    for (const end of [near, far]) {
      end.jitterMs = weather.jitterMs;
      end.slices = weather.slices;
    }
    if (weather.cutNext !== undefined) {
      [near.cutAfterBytes, far.cutAfterBytes] = weather.cutNext;
      weather.cutNext = undefined;
    }
    const { server } = this;
    this.clock.setTimer(
      () => {
        if (this.server === server) server.accept(far);
        else far.cut(0, 0);
      },
      random.chance(0.1) ? random.between(0, 400) : 0,
    );
    return near;
  }

  killServer(): void {
    this.server.kill();
    this.incarnation += 1;
    this.server = new SimServer(this);
  }

  killClient(index: number): void {
    this.clients[index]?.kill();
    this.clients[index] = new SimClient(this, index);
  }

  opened(held: Held): void {
    this.#books.set(held.token, held);
  }

  ended(held: Held): void {
    this.#over.add(held.token);
  }

  /** Whether the server let go of the session, for a reason it may have. */
  mayLose(token: string): boolean {
    return this.#over.has(token);
  }

  books(token: string): { readonly toServer: Ledger; readonly toClient: Ledger } {
    const held = this.#books.get(token);
    if (held === undefined) throw new Violation(`nobody opened the session ${token}`);
    return held;
  }

  /** Both ends of every session that is open. */
  get ends(): End[] {
    const ends = [...this.server.sessions.values()].map(({ end }) => end);
    for (const { end } of this.clients) if (end !== undefined) ends.push(end);
    return ends;
  }

  /** A handler took a message; now and then it answers at once, or pauses. */
  handled(end: End): void {
    this.delivered += 1;
    const { random } = this;
    if (random.chance(0.05)) end.send({ lane: random.pick(['', 'a']), shape: 3, padding: 0, confirm: false });
    if (random.chance(0.01)) {
      end.pause();
      this.clock.setTimer(
        () => {
          end.resume();
        },
        random.between(1, 100),
      );
    }
  }

  log(what: string, a: number, b: number): void {
    let digest = this.digest;
    const mix = (value: number): void => {
      digest = Math.imul(digest ^ (value | 0), 0x0100_0193);
    };
    mix(this.clock.now() * 1_024);
    for (let at = 0; at < what.length; at++) mix(what.charCodeAt(at));
    mix(a);
    mix(b);
    this.digest = digest >>> 0;
    this.trace?.(`${this.clock.now().toFixed(0).padStart(6)} ${what} ${a} ${b}`);
  }

  violated(message: string): void {
    this.trace?.(`violated: ${message}`);
    throw new Violation(message);
  }

  /** Keeps a violation from being swallowed by the parts it happens in. */
  guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.violations.push(error.message);
      this.trace?.(`violated: ${error.message}`);
    }
  }

  readonly violations: string[] = [];
}
