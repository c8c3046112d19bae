import type { OpenWire, Wire, WireEvents } from '../../lib/plugins/cluster/wire/wire.ts';
import type { SeededRandom, VirtualClock } from '../../lib/testing/index.ts';

interface Listening {
  readonly wire: SimWire;
  readonly heard: (bytes: Uint8Array) => void;
}

export interface SimNatsOptions {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  /** How likely a message is to be lost on its way to one who listens. */
  readonly loss: number;
  /** How likely it is to come twice. */
  readonly doubles?: number;
  /** Whether messages of two subjects may overtake each other on their way to one node. */
  readonly isLoose?: boolean;
}

/** A server of NATS in virtual time: it loses messages, is killed and comes back, and says where nobody listens. */
export class SimNats {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  loss: number;
  readonly #doubles: number;
  readonly isLoose: boolean;
  /** Messages that were published. */
  published = 0;
  readonly #subjects = new Map<string, Listening[]>();
  readonly #wires = new Set<SimWire>();
  isUp = true;

  constructor({ clock, random, loss, doubles = 0, isLoose = false }: SimNatsOptions) {
    this.clock = clock;
    this.random = random;
    this.loss = loss;
    this.#doubles = doubles;
    this.isLoose = isLoose;
  }

  /** How a node gets to it; `made` is given the wire, by which the node is killed and cut off. */
  opener(made: (wire: SimWire) => void): OpenWire {
    return (events) => {
      const wire = new SimWire(this, events);
      this.#wires.add(wire);
      made(wire);
      wire.comeUp();
      return wire;
    };
  }

  /** What is under way is lost, and so is each connection; they are back one by one once the server is. */
  kill(forMs: number): void {
    this.isUp = false;
    this.#subjects.clear();
    for (const wire of this.#wires) wire.fall();
    this.clock.setTimer(() => {
      this.isUp = true;
      for (const wire of this.#wires) wire.comeUp();
    }, forMs);
  }

  subscribe(subject: string, listening: Listening): void {
    const all = this.#subjects.get(subject) ?? [];
    this.#subjects.set(subject, [...all, listening]);
  }

  unsubscribe(wire: SimWire): void {
    for (const [subject, all] of this.#subjects) {
      const left = all.filter((listening) => listening.wire !== wire);
      if (left.length > 0) this.#subjects.set(subject, left);
      else this.#subjects.delete(subject);
    }
  }

  forget(wire: SimWire): void {
    this.unsubscribe(wire);
    this.#wires.delete(wire);
  }

  publish(from: SimWire, subject: string, bytes: Uint8Array, nobody?: () => void): void {
    this.published += 1;
    const all = this.#subjects.get(subject);
    if (all === undefined) {
      if (nobody !== undefined) from.deliver('', nobody);
      return;
    }
    for (const { wire, heard } of all) {
      if (wire === from || this.random.chance(this.loss)) continue;
      wire.deliver(subject, () => heard(bytes));
      if (this.#doubles > 0 && this.random.chance(this.#doubles)) wire.deliver(subject, () => heard(bytes));
    }
  }
}

/** The connection of one node. */
export class SimWire implements Wire {
  readonly #nats: SimNats;
  readonly #events: WireEvents;
  readonly #own: [string, (bytes: Uint8Array) => void][] = [];
  isUp = false;
  /** Since when it was up, the last time. */
  upAt = 0;
  #life = 0;
  /** By subject, where they may overtake each other. */
  readonly #dueAt = new Map<string, number>();
  #stalledUntil = 0;
  #isDead = false;

  constructor(nats: SimNats, events: WireEvents) {
    this.#nats = nats;
    this.#events = events;
  }

  publish(subject: string, bytes: Uint8Array): void {
    if (this.isUp) this.#nats.publish(this, subject, bytes);
  }

  probe(subject: string, bytes: Uint8Array, nobody: () => void): void {
    if (this.isUp) this.#nats.publish(this, subject, bytes, nobody);
  }

  subscribe(subject: string, heard: (bytes: Uint8Array) => void): void {
    this.#own.push([subject, heard]);
    if (this.isUp) this.#nats.subscribe(subject, { wire: this, heard });
  }

  flush(then: () => void): void {
    this.#nats.clock.setTimer(then, this.#nats.random.between(0, 3));
  }

  close(): Promise<void> {
    this.die();
    return Promise.resolve();
  }

  /** In order, a moment later, unless the connection breaks before. */
  deliver(subject: string, task: () => void): void {
    const { clock, isLoose, random } = this.#nats;
    const life = this.#life;
    const key = isLoose ? subject : '';
    const dueAt = Math.max(this.#dueAt.get(key) ?? 0, this.#stalledUntil, clock.now() + random.between(0, 3));
    this.#dueAt.set(key, dueAt);
    clock.setTimer(() => {
      if (this.#life === life && !this.#isDead) task();
    }, dueAt - clock.now());
  }

  /** Hears nothing for a while; then all of it. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#nats.clock.now() + ms);
  }

  /** Its process is killed. */
  die(): void {
    this.#isDead = true;
    this.isUp = false;
    this.#nats.forget(this);
  }

  /** The connection broke. */
  fall(): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.#life += 1;
    this.#nats.unsubscribe(this);
    this.#events.down();
  }

  /** Connects again, some time later. */
  comeUp(): void {
    const { clock, random } = this.#nats;
    clock.setTimer(
      () => {
        if (this.#isDead || this.isUp || !this.#nats.isUp) return;
        this.isUp = true;
        this.upAt = clock.now();
        for (const [subject, heard] of this.#own) this.#nats.subscribe(subject, { wire: this, heard });
        this.#events.up();
      },
      random.between(1, 300),
    );
  }
}
