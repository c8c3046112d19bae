import { SeededRandom, VirtualClock } from '../../lib/testing/index.ts';
import { SimNats } from './sim-nats.ts';
import { deadAfterMs, heartbeatMs, SimNode } from './sim-node.ts';

export interface ClusterOutcome {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly delivered: number;
  readonly strikes: readonly string[];
  readonly endedAt: number;
}

const names = ['a', 'b', 'c'];
const stepMs = 50;

/** Three nodes over a NATS that loses messages and is killed; nodes are killed, restarted, and busy. All is well in the end. */
export function simulateCluster(seed: number): ClusterOutcome {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock({ maxSteps: 500_000 });
  const nats = new SimNats({
    clock,
    random,
    loss: random.pick([0, 0.01, 0.1, 0.3]),
    doubles: random.pick([0, 0, 0.1]),
    isLoose: random.chance(0.5),
  });
  const strikes: string[] = [];
  const all: SimNode[] = [];
  let made = 0;
  const mistaken: string[] = [];
  /** One of whose connections is there, and was all the time in which somebody looked, is not dead because the other one is gone. */
  const died = (label: string, reason: string): void => {
    const node = all.find((other) => other.label === label);
    if (reason !== 'nobody listens there' || node === undefined || node.isOver) return;
    if (node.standby.isUp && clock.now() - node.standby.upAt > 10) mistaken.push(`${label} is taken for dead`);
  };
  const start = (name: string): SimNode => {
    made += 1;
    const node = new SimNode(nats, name, made, died);
    all.push(node);
    return node;
  };
  const living = new Map(names.map((name) => [name, start(name)]));
  const strike = (): void => {
    const name = random.pick(names);
    const node = living.get(name);
    switch (random.between(0, 4)) {
      case 0:
        nats.kill(random.between(10, 1_500));
        strikes.push('nats killed');
        return;
      case 1:
        if (node === undefined) return;
        node.kill();
        living.delete(name);
        strikes.push(`${name} killed`);
        return;
      case 2:
        if (node === undefined) living.set(name, start(name));
        return;
      case 3:
        node?.wire.stall(random.between(50, 2_500));
        strikes.push(`${name} busy`);
        return;
      default:
        node?.wire.fall();
        node?.wire.comeUp();
        // A reset ends one connection, a network that is away both.
        if (random.chance(0.5)) return void strikes.push(`${name} reset`);
        node?.standby.fall();
        node?.standby.comeUp();
        strikes.push(`${name} cut`);
    }
  };
  const until = random.between(1_000, 2_500);
  while (clock.now() < until) {
    for (const node of living.values()) {
      if (random.chance(0.5)) node.publish();
      if (random.chance(0.5)) node.look();
    }
    if (random.chance(0.05)) strike();
    clock.advance(stepMs);
  }
  // All is well from here on.
  nats.loss = 0;
  for (const name of names) {
    const node = living.get(name);
    if (node === undefined || node.state === 'refused') living.set(name, start(name));
  }
  clock.advance(deadAfterMs + 11 * heartbeatMs);
  for (const node of living.values()) node.publish();
  clock.advance(3 * heartbeatMs);
  return { seed, strikes, endedAt: clock.now(), ...judge(all, [...living.values()], mistaken) };
}

function judge(
  all: readonly SimNode[],
  living: readonly SimNode[],
  mistaken: readonly string[],
): { violations: string[]; delivered: number } {
  const violations = [...mistaken, ...all.flatMap((node) => node.violations)];
  let delivered = 0;
  for (const node of all) {
    for (const name of node.missedOf) {
      const isGivenUp = all.some((other) => other.name === name && other.givenUp.has(node.label));
      if (!isGivenUp) violations.push(`${node.label} lacks some of ${name}, where nobody took it for gone`);
    }
  }
  for (const node of living) {
    if (node.state !== 'joined') violations.push(`${node.label} is ${node.state}`);
    if (node.broadcasts.publisher.bytes > 0) violations.push(`${node.label} keeps what all have`);
    for (const other of living) {
      if (other === node) continue;
      const known = node.membership.nodes.live(other.name);
      if (known?.incarnation !== other.incarnation || known.state !== 'up') {
        violations.push(`${node.label} takes ${other.label} for ${known?.state ?? 'none'} ${known?.incarnation ?? ''}`);
      }
      const last = node.seen.get(other.label)?.last ?? 0;
      delivered += last;
      if (last !== other.published)
        violations.push(`${node.label} has ${last} of ${other.published} of ${other.label}`);
    }
  }
  return { violations, delivered };
}
