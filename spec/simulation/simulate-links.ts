import { ClusterNode } from '../../lib/plugins/cluster/cluster-node.ts';
import { SeededRandom, VirtualClock } from '../../lib/testing/index.ts';
import { SimNats, type SimWire } from './sim-nats.ts';
import { deadAfterMs, heartbeatMs } from './sim-node.ts';

export interface LinksOutcome {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly delivered: number;
  readonly strikes: readonly string[];
  readonly endedAt: number;
}

const names = ['a', 'b', 'c'];
const stepMs = 40;

/** A node with its sessions, which sends numbers to the others. */
class LinkNode {
  readonly name: string;
  readonly label: string;
  readonly node: ClusterNode;
  /** By the label of the other node. */
  readonly sent = new Map<string, number>();
  readonly got = new Map<string, Set<number>>();
  /** What this one was told to be unsure about. */
  readonly unsure = new Set<string>();
  readonly violations: string[] = [];
  /** The one that it speaks by, and the standby. */
  readonly wires: SimWire[] = [];
  isOver = false;

  constructor(nats: SimNats, name: string, incarnation: number) {
    this.name = name;
    this.label = `${name} ${incarnation}`;
    const { clock, random } = nats;
    const ended = new Promise<never>(() => {});
    this.node = new ClusterNode({
      settings: {
        name: 'sim',
        node: name,
        nats: {},
        secret: undefined,
        heartbeatMs,
        deadAfterMs,
        joinTimeoutMs: 1_000,
        maxNodes: 20,
        maxMessageBytes: 65_536,
        maxUnackedBytes: 65_536,
        transparent: false,
      },
      incarnation,
      // What a process that was killed had planned never happens.
      clock: {
        now: clock.now,
        setTimer: (task, ms) => clock.setTimer(() => void (this.isOver || task()), ms),
        defer: (task) => clock.defer(() => void (this.isOver || task())),
      },
      random,
      processes: { own: () => undefined, isGone: () => false },
      closeTimeoutMs: 1_000,
      openWire: nats.opener((wire) => void this.wires.push(wire)),
      connections: () => 0,
      events: {
        status() {},
        changed() {},
        lost() {},
        broadcast: () => undefined,
        message: (data) => this.#took(String(data)),
        request: (data) => data,
        laneMessage() {},
        laneRequest: () => ended,
        laneAnswer() {},
        undelivered: (messages) => messages.forEach(({ data }) => this.unsure.add(String(data))),
        report: ({ code, message }) => void this.violations.push(`${this.label} reports ${code}: ${message}`),
      },
    });
  }

  /** Sends the next number to another incarnation, if it is here as far as is known. */
  send(to: LinkNode): void {
    const known = this.node.nodes.find(({ id }) => id === to.name);
    if (known === undefined || `${known.id} ${known.incarnation}` !== to.label) return;
    if (known.state !== 'up' && known.state !== 'suspect') return;
    const number = (this.sent.get(to.label) ?? 0) + 1;
    this.sent.set(to.label, number);
    const data = `${this.label} ${number} ${to.label}`;
    this.node.bus
      .with(to.name)
      .client.send(data)
      .catch(() => this.unsure.add(data));
  }

  kill(): void {
    this.isOver = true;
    for (const wire of this.wires) wire.die();
  }

  #took(data: string): void {
    const [from = '', its = '', number = '', to = '', own = ''] = data.split(' ');
    if (`${to} ${own}` !== this.label) this.violations.push(`${this.label} got what was for ${to} ${own}`);
    const label = `${from} ${its}`;
    const got = this.got.get(label) ?? new Set();
    this.got.set(label, got);
    const last = Math.max(0, ...got);
    if (Number(number) <= last) this.violations.push(`${this.label} got ${number} of ${label} after ${last}`);
    got.add(Number(number));
  }
}

/** Three nodes and their sessions over a NATS that loses, doubles and mixes up messages and is killed; nodes are killed and busy. */
export async function simulateLinks(seed: number): Promise<LinksOutcome> {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock({ maxSteps: 1_000_000 });
  const nats = new SimNats({
    clock,
    random,
    loss: random.pick([0, 0.01, 0.1]),
    doubles: random.pick([0, 0.1]),
    isLoose: random.chance(0.5),
  });
  const strikes: string[] = [];
  const all: LinkNode[] = [];
  const start = (name: string): LinkNode => {
    const node = new LinkNode(nats, name, all.length + 1);
    all.push(node);
    void node.node.start();
    return node;
  };
  const living = new Map(names.map((name) => [name, start(name)]));
  const strike = (): void => {
    const name = random.pick(names);
    const node = living.get(name);
    const what = random.pick(['nats', 'kill', 'busy', 'cut']);
    strikes.push(`${what} ${name}`);
    if (what === 'nats') nats.kill(random.between(10, 800));
    else if (what === 'busy') {
      const ms = random.between(50, 2_000);
      for (const wire of node?.wires ?? []) wire.stall(ms);
    } else if (what === 'cut') {
      // A reset ends one connection, a network that is away both.
      for (const wire of node?.wires.slice(0, random.between(1, 2)) ?? []) {
        wire.fall();
        wire.comeUp();
      }
    } else {
      node?.kill();
      living.set(name, start(name));
    }
  };
  await clock.run(400);
  for (const until = clock.now() + random.between(500, 1_500); clock.now() < until; await clock.run(stepMs)) {
    for (const node of living.values()) {
      const other = living.get(random.pick(names));
      if (other !== undefined && other !== node)
        for (let sends = random.between(1, 4); sends > 0; sends--) node.send(other);
    }
    if (random.chance(0.06)) strike();
  }
  // All is well from here on.
  nats.loss = 0;
  await clock.run(deadAfterMs + 8 * heartbeatMs);
  const violations = all.flatMap((node) => node.violations);
  let delivered = 0;
  for (const from of living.values()) {
    for (const to of living.values()) {
      const got = to.got.get(from.label) ?? new Set();
      delivered += got.size;
      for (let number = 1; number <= (from.sent.get(to.label) ?? 0); number++) {
        const isKnown = got.has(number) || from.unsure.has(`${from.label} ${number} ${to.label}`);
        if (!isKnown) violations.push(`${number} of ${from.label} for ${to.label} is lost in silence`);
      }
    }
  }
  for (const node of living.values()) node.kill();
  return { seed, strikes, violations, delivered, endedAt: clock.now() };
}
