import type { World } from './world.ts';

/** One thing that goes wrong, and ends by itself after a while where it is no single event. */
export interface Fault {
  readonly name: string;
  strike(world: World): void;
}

const later = (world: World, least: number, most: number, task: () => void): void => {
  world.clock.setTimer(task, world.random.between(least, most));
};

/** Links go down: both ends hear of it at times of their own, one of them perhaps never. */
const cut: Fault = {
  name: 'cut',
  strike(world) {
    const { random } = world;
    const delay = (): number => (random.chance(0.15) ? Number.POSITIVE_INFINITY : random.between(0, 200));
    for (const { wire } of world.clients) if (random.chance(0.7)) wire?.cut(delay(), delay());
  },
};

const cutAtByte: Fault = {
  name: 'cut at byte',
  strike(world) {
    const { random } = world;
    for (const { wire } of world.clients) {
      if (wire === undefined) continue;
      const end = random.chance(0.5) ? wire : wire.peer;
      if (!end.closed) end.cutAfterBytes = random.between(1, random.pick([20, 300, 5_000]));
    }
  },
};

/** The next link breaks while it is being opened, or just behind the opening. */
const cutOpening: Fault = {
  name: 'cut while opening',
  strike(world) {
    const { random, weather } = world;
    weather.cutNext = [random.between(1, 400), random.between(1, 400)];
    cut.strike(world);
  },
};

const blackHole: Fault = {
  name: 'black hole',
  strike(world) {
    const { random } = world;
    const { wire } = random.pick(world.clients);
    if (wire === undefined) return;
    const ends = random.pick([[wire], [wire.peer], [wire, wire.peer]]);
    for (const end of ends) end.blackHole();
    if (random.chance(0.6)) {
      later(world, 20, 900, () => {
        for (const end of ends) end.heal();
      });
    }
  },
};

const delay: Fault = {
  name: 'delay',
  strike(world) {
    const { random } = world;
    for (const { wire } of world.clients) {
      if (wire === undefined) continue;
      wire.latencyMs = random.pick([0, 5, 50, 250]);
      wire.peer.latencyMs = random.pick([0, 5, 50, 250]);
      wire.jitterMs = random.pick([0, 30]);
    }
  },
};

/** The link becomes slow and is left; what is under way on it arrives after the next one was opened. */
const linger: Fault = {
  name: 'lingering link',
  strike(world) {
    const { random } = world;
    const { wire } = random.pick(world.clients);
    if (wire === undefined) return;
    wire.latencyMs = random.between(100, 600);
    wire.peer.latencyMs = random.between(100, 600);
    world.weather.latencyMs = random.between(0, 3);
    later(world, 0, 80, () => random.pick([wire, wire.peer]).destroy());
  },
};

const weather: Fault = {
  name: 'weather',
  strike(world) {
    const { random } = world;
    world.weather.latencyMs = random.pick([0, 1, 10, 60, 200]);
    world.weather.jitterMs = random.pick([0, 0, 20]);
    world.weather.slices = random.chance(0.3);
  },
};

const refuse: Fault = {
  name: 'nobody answers',
  strike(world) {
    world.weather.refuses = true;
    cut.strike(world);
    later(world, 10, 600, () => {
      world.weather.refuses = false;
    });
  },
};

/** Nobody gets through for longer than a session waits. */
const expiry: Fault = {
  name: 'grace expires',
  strike(world) {
    world.weather.refuses = true;
    for (const { wire } of world.clients) wire?.cut(0, 0);
    world.clock.setTimer(() => {
      world.weather.refuses = false;
    }, world.graceMs + 50);
  },
};

const killServer: Fault = {
  name: 'server killed',
  strike: (world) => world.killServer(),
};

const killClient: Fault = {
  name: 'client killed',
  strike: (world) => world.killClient(world.random.between(0, world.clients.length - 1)),
};

const pause: Fault = {
  name: 'pause',
  strike(world) {
    if (world.ends.length === 0) return;
    const end = world.random.pick(world.ends);
    end.pause();
    later(world, 10, 800, () => end.resume());
  },
};

const burst: Fault = {
  name: 'full outbox',
  strike(world) {
    const { random } = world;
    const shape = random.between(0, 3);
    for (let sent = 0; sent < 30; sent++) {
      for (const end of world.ends) end.send({ lane: '', shape, padding: random.between(0, 90), confirm: false });
    }
  },
};

const largeBodies: Fault = {
  name: 'large bodies',
  strike(world) {
    const { random } = world;
    for (const end of world.ends) {
      const padding = random.pick([65_594, 65_600, 70_000, 140_000]);
      end.send({
        lane: random.pick(['', 'a', 'b']),
        shape: random.between(0, 1),
        padding,
        confirm: random.chance(0.5),
      });
    }
  },
};

/** Bytes of a link are not what was written; with small bodies only, so that the change is in a header for certain. */
const corrupt: Fault = {
  name: 'corrupt frame',
  strike(world) {
    const { random } = world;
    const { wire } = random.pick(world.clients);
    if (wire === undefined || wire.slices) return;
    world.corrupted = true;
    random.pick([wire, wire.peer]).corruptNext = true;
  },
};

const usual = [
  cut,
  cut,
  cutAtByte,
  cutAtByte,
  cutOpening,
  blackHole,
  delay,
  linger,
  linger,
  weather,
  refuse,
  pause,
  burst,
];

/** The faults of one run, in the order they strike. */
export function faultsOf(world: World): Fault[] {
  const { random } = world;
  const menu = [...usual];
  menu.push(random.chance(0.5) ? largeBodies : corrupt);
  if (random.chance(0.3)) menu.push(killServer);
  if (random.chance(0.3)) menu.push(killClient);
  if (random.chance(0.2)) menu.push(expiry);
  return Array.from({ length: random.between(8, 13) }, () => random.pick(menu));
}
