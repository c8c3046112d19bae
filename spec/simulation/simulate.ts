import { faultsOf } from './faults.ts';
import { Violation } from './ledger.ts';
import { type Parts, realParts } from './parts.ts';
import { World } from './world.ts';

export interface Outcome {
  readonly seed: number;
  /** What must never happen and did. */
  readonly violations: readonly string[];
  /** Equal for equal runs. */
  readonly digest: number;
  readonly delivered: number;
  readonly faults: readonly string[];
}

export interface SimulateOptions {
  readonly parts?: Parts;
  readonly trace?: (line: string) => void;
}

const lanes = ['', '', '', 'a', 'b'];
/** After the last fault everything has to be settled within this much. */
const healedMs = 12_000;

/** Runs the scenario that `seed` decides, to its end. */
export function simulate(seed: number, { parts = realParts(), trace }: SimulateOptions = {}): Outcome {
  const world = new World(seed, parts);
  world.trace = trace;
  const names: string[] = [];
  let problem: string | undefined;
  try {
    problem = run(world, names);
  } catch (error) {
    problem = error instanceof Violation ? error.message : error instanceof Error ? error.stack : String(error);
  }
  const violations = problem === undefined ? world.violations : [...world.violations, problem];
  return { seed, violations, digest: world.digest, delivered: world.delivered, faults: names };
}

function run(world: World, names: string[]): string | undefined {
  const { random, clock } = world;
  const faults = faultsOf(world);
  const traffic = random.pick([4, 15, 40]);
  const most = random.pick([1, 1, 4]);
  for (const fault of faults) {
    for (let step = random.between(1, 4); step > 0; step--) {
      clock.advance(random.between(0, traffic * 3));
      work(world, most);
      if (world.violations.length > 0) return undefined;
    }
    world.log(fault.name, names.push(fault.name), 0);
    fault.strike(world);
  }
  world.weather.refuses = false;
  heal(world);
  const end = clock.now() + healedMs;
  let open: string | undefined;
  do {
    clock.advance(100);
    open = unsettled(world);
  } while (open !== undefined && clock.now() < end && world.violations.length === 0);
  if (open !== undefined) return `${open}, ${healedMs} ms after the last fault`;
  close(world);
  clock.advance(5_000);
  return clock.pending === 0 ? undefined : `${clock.pending} timers are left`;
}

/** A little of what users do: each end sends up to `most`. */
function work(world: World, most: number): void {
  const { random } = world;
  for (const end of world.ends) {
    for (let sends = random.between(0, most); sends > 0; sends--) {
      const shape = random.between(0, 3);
      end.send({
        lane: random.pick(lanes),
        shape,
        padding: shape === 3 ? 0 : random.between(0, 120),
        confirm: random.chance(0.3),
      });
    }
    if (random.chance(0.1)) end.flush();
  }
}

function heal(world: World): void {
  const { weather } = world;
  weather.latencyMs = 1;
  weather.jitterMs = 0;
  weather.cutNext = undefined;
  for (const end of world.ends) end.resume();
  for (const { wire } of world.clients) {
    if (wire === undefined) continue;
    for (const side of [wire, wire.peer]) {
      side.corruptNext = false;
      side.latencyMs = 1;
      if (!side.closed) side.cutAfterBytes = Number.POSITIVE_INFINITY;
    }
  }
}

/** Why the world is not at rest yet. */
function unsettled(world: World): string | undefined {
  for (const { end, index } of world.clients) if (end === undefined) return `client/${index} has no session`;
  if (world.server.sessions.size > world.clients.length) return 'the server keeps sessions of nobody';
  for (const end of world.ends) {
    const reason = end.unsettled();
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function close(world: World): void {
  for (const client of world.clients) client.kill();
  world.server.kill();
}
