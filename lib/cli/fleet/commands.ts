import { once } from 'node:events';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/thrown.ts';
import type { Client } from '../../bus/node-client.ts';
import type { FleetProcess } from '../../plugins/fleet/index.ts';
import { printable, printableJson } from '../printable.ts';
import type { Surroundings } from '../surroundings.ts';
import { isConfigPath, loadConfig } from './config.ts';
import { type LogLine, type Order, reach } from './control.ts';
import { runFleet } from './run.ts';
import { tableOf } from './table.ts';

const usage = `usage: busbar run [--json] [CONFIG]                  run the fleet of a config, until Ctrl-C
       busbar status [--json] [CONFIG]               its processes
       busbar restart [GROUP] [CONFIG]               replace its processes, one after the other
       busbar scale GROUP NUMBER [CONFIG]            give a group another number of processes
       busbar logs [--json] [GROUP] [CONFIG]         what it prints, from now on
       busbar stop [CONFIG]                          end it, in order

CONFIG is the path of a file that exports defineFleet({ path, groups, hub }) by default; busbar.config.js
or .ts in the working directory unless given. A terminal gets tables, everything else JSON lines.
`;

interface Given {
  readonly words: readonly string[];
  readonly config: string | undefined;
  readonly isJson: boolean;
}

const lingerMs = 500;

type Command = (given: Given, around: Surroundings) => Promise<boolean>;

/** By name, with how many words they take beside the config. */
const commands: Readonly<Record<string, readonly [least: number, most: number, run: Command]>> = {
  run: [0, 0, run],
  status: [
    0,
    0,
    (given, around) =>
      ask(
        given,
        () => ({ command: 'status' }),
        (found) => showStatus(found, given, around),
      ),
  ],
  restart: [0, 1, (given) => ask(given, ([group]) => ({ command: 'restart', group }))],
  scale: [2, 2, (given) => ask(given, ([group = '', count]) => ({ command: 'scale', group, count: countOf(count) }))],
  stop: [0, 0, (given) => ask(given, () => ({ command: 'stop' }))],
  logs: [0, 1, followLogs],
};

/** `busbar run` and what is asked of a fleet that runs, by name. Resolve the exit code. */
export const fleetCommands = Object.fromEntries(
  Object.entries(commands).map(([name, [least, most, run]]) => [
    name,
    async (args: readonly string[], around: Surroundings): Promise<number> => {
      try {
        const { values, positionals } = parseArgs({
          args: [...args],
          options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
          allowPositionals: true,
        });
        if (values.help === true) {
          around.out(usage);
          return 0;
        }
        const last = positionals.at(-1);
        const config = isConfigPath(last) ? last : undefined;
        const words = config === undefined ? positionals : positionals.slice(0, -1);
        if (words.length < least || words.length > most) {
          throw new BusError('ERR_INVALID_ARGUMENT', 'wrong arguments; busbar run --help tells what it takes');
        }
        const isJson = values.json === true || !process.stdout.isTTY;
        return (await run({ words, config, isJson }, around)) ? 0 : 1;
      } catch (error) {
        around.complain(`busbar ${name}: ${printable(textOf(error)).replaceAll('\n', ' ')}\n`);
        return 1;
      }
    },
  ]),
);

async function run({ config, isJson }: Given): Promise<boolean> {
  try {
    return await runFleet(await loadConfig(config), isJson);
  } finally {
    // What a hub of the user's has left open keeps nobody here.
    setTimeout(() => process.exit(), lingerMs).unref();
  }
}

async function ask(
  { words, config }: Given,
  order: (words: readonly string[]) => Order,
  show: (answer: unknown) => void = () => {},
): Promise<boolean> {
  const asked = order(words);
  const { path } = await loadConfig(config);
  const client = await reach(path);
  try {
    show(await client.request(asked, { timeout: 0 }));
  } finally {
    await client.close();
  }
  return true;
}

function showStatus(found: unknown, { isJson }: Given, { out }: Surroundings): void {
  const processes = found as readonly FleetProcess[];
  const lines = isJson ? processes.map(printableJson) : tableOf(processes, Date.now());
  out(lines.map((line) => `${line}\n`).join(''));
}

/** Until the fleet ends, or a signal comes. */
async function followLogs(
  { words: [group], config, isJson }: Given,
  { out, onSignal }: Surroundings,
): Promise<boolean> {
  const { path } = await loadConfig(config);
  const client: Client = await reach(path);
  client.on('message', (message) => {
    const { group: from, number, stream, line } = message as LogLine;
    out(
      isJson ? `${printableJson({ group: from, number, stream, line })}\n` : `${from} ${number} | ${printable(line)}\n`,
    );
  });
  const over = once(client, 'close');
  onSignal(() => client.destroy());
  try {
    await client.request({ command: 'logs', group } satisfies Order);
  } catch (error) {
    await client.close();
    throw error;
  }
  await Promise.race([over, new Promise<void>((resolve) => onSignal(() => resolve()))]);
  return true;
}

function countOf(text: string | undefined): number {
  if (text !== undefined && /^\d{1,5}$/.test(text)) return Number(text);
  throw new BusError('ERR_INVALID_ARGUMENT', `"${text}" is no number of processes`);
}
