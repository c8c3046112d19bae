import { Client } from 'busbar';
import { argumentsOf } from '../program.ts';
import { ConfirmedLine } from './confirmed-line.ts';
import type { Command, Tick, ZonesBus } from './contract.ts';
import { at, join } from './control.ts';
import { Journal } from './journal.ts';
import { Sequence } from './sequence.ts';

// A zone worker. It journals each command before it acts on it, and each tick before it sends it; the process that takes
// over after a SIGKILL reads the journal and carries on with the same numbers.

type Fact = { readonly command: Command } | { readonly tick: Tick } | { readonly confirmed: number };

const [control, address, index, journalPath] = argumentsOf('CONTROL', 'ZONES', 'INDEX', 'JOURNAL');
const zone = Number(index);
const world = new Client<ZonesBus>(at(address));
const line = new ConfirmedLine<Tick>();
const commands = new Sequence();
const population = new Set<number>();
let [traded, ticks, ticksAgain] = [0, 0, 0];

const journal = new Journal(journalPath);
const unconfirmed = new Map<number, Tick>();
for (const fact of journal.facts() as Fact[]) {
  if ('command' in fact) {
    apply(fact.command);
  } else if ('tick' in fact) {
    ticks = fact.tick.sequence;
    unconfirmed.set(ticks, fact.tick);
  } else {
    unconfirmed.delete(fact.confirmed);
  }
}
commands.repeated = 0;

// The world's send is confirmed when this listener has returned.
world.on('message', (command) => {
  if (apply(command)) journal.write({ command });
});
world.handle(() => population.size);

await world.connect({ zone });
line.open(world);
for (const tick of unconfirmed.values()) {
  ticksAgain += 1;
  post(tick);
}

const timer = setInterval(() => {
  ticks += 1;
  const tick = { zone, sequence: ticks, population: population.size, traded };
  journal.write({ tick });
  post(tick);
}, 100);

await join(
  control,
  { role: 'zone', index: zone },
  {
    async stop() {
      clearInterval(timer);
      await line.idle();
    },
    report: () => ({ role: 'zone', zone, commands: commands.tally, ticksSent: ticks, ticksAgain }),
    async leave() {
      await world.close();
      journal.close();
    },
  },
);

/** False if the command was known. */
function apply(command: Command): boolean {
  if (!commands.add(command.order)) return false;
  if (command.kind === 'spawn') population.add(command.bot);
  if (command.kind === 'trade') traded += command.amount;
  return true;
}

function post(tick: Tick): void {
  void line.send(tick).then(() => journal.write({ confirmed: tick.sequence }));
}
