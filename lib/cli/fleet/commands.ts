import { once } from 'node:events';
import process from 'node:process';
import type { Command } from 'commander';
import { BusError } from '../../base/errors.ts';
import { textOf } from '../../base/thrown.ts';
import type { Client } from '../../bus/node-client.ts';
import type { FleetProcess } from '../../plugins/fleet/index.ts';
import { printable, printableJson } from '../../base/printable.ts';
import type { Given, Program } from '../program.ts';
import type { Surroundings } from '../surroundings.ts';
import { isConfigPath, loadConfig } from './config.ts';
import { type LogLine, type Order, reach } from './control.ts';
import { runFleet } from './run.ts';
import { tableOf } from './table.ts';

const configHelp = `
CONFIG is the path of a file that exports defineFleet({ path, groups, hub }) by default; busbar.config.js
or .ts in the working directory by default. A terminal gets tables, everything else JSON lines.
`;

interface Asked {
  readonly words: readonly string[];
  readonly config: string | undefined;
  readonly isJson: boolean;
}

interface Values {
  readonly json?: true;
}

const lingerMs = 500;
const configArgument = ['[config]', 'path of the config'] as const;

/** `busbar run` and what is asked of a fleet that runs. */
export function addFleet(program: Program): void {
  const { around } = program;
  /** With its own words, and before the config. */
  const add = (
    name: string,
    description: string,
    own: readonly (readonly [name: string, description: string])[],
    run: (asked: Asked) => Promise<boolean>,
  ): Command => {
    const act = async ({ words, values }: Given<Values>): Promise<number> => {
      try {
        const given = words.filter((word) => word !== undefined);
        const last = given.at(-1);
        const config = isConfigPath(last) ? last : undefined;
        const others = config === undefined ? given : given.slice(0, -1);
        const least = own.filter(([argument]) => argument.startsWith('<')).length;
        if (others.length < least || others.length > own.length) {
          throw new BusError('ERR_INVALID_ARGUMENT', `Wrong arguments; busbar ${name} --help tells what it takes`);
        }
        const isJson = values.json === true || !process.stdout.isTTY;
        return (await run({ words: others, config, isJson })) ? 0 : 1;
      } catch (error) {
        around.complain(`busbar ${name}: ${printable(textOf(error)).replaceAll('\n', ' ')}\n`);
        return 1;
      }
    };
    const command = program.command(name, description, act, { usageCode: 1 }).addHelpText('after', configHelp);
    for (const [argument, about] of [...own, configArgument]) command.argument(argument, about);
    return command;
  };
  const json = ['--json', 'lines of JSON, in a terminal too'] as const;
  add('run', 'run the fleet of a config, until Ctrl-C', [], run).option(...json);
  const status = { command: 'status' } as const;
  add('status', 'the processes of a fleet', [], (asked) =>
    ask(
      asked,
      () => status,
      (found) => showStatus(found, asked, around),
    ),
  ).option(...json);
  const group = ['[group]', 'all groups by default'] as const;
  add('restart', 'replace the processes of a fleet, one after the other', [group], (asked) =>
    ask(asked, ([name]) => ({ command: 'restart', group: name })),
  );
  const scaled = [
    ['<group>', ''],
    ['<number>', 'of processes'],
  ] as const;
  add('scale', 'give a group another number of processes', scaled, (asked) =>
    ask(asked, ([name = '', count]) => ({ command: 'scale', group: name, count: countOf(count) })),
  );
  add('logs', 'what a fleet prints, from now on', [group], (asked) => followLogs(asked, around)).option(...json);
  add('stop', 'end a fleet, in order', [], (asked) => ask(asked, () => ({ command: 'stop' })));
}

async function run({ config, isJson }: Asked): Promise<boolean> {
  try {
    return await runFleet(await loadConfig(config), isJson);
  } finally {
    // What a hub of the user's has left open keeps nobody here.
    setTimeout(() => process.exit(), lingerMs).unref();
  }
}

async function ask(
  { words, config }: Asked,
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

function showStatus(found: unknown, { isJson }: Asked, { out }: Surroundings): void {
  const processes = found as readonly FleetProcess[];
  const lines = isJson ? processes.map(printableJson) : tableOf(processes, Date.now());
  out(lines.map((line) => `${line}\n`).join(''));
}

/** Until the fleet ends, or a signal comes. */
async function followLogs(
  { words: [group], config, isJson }: Asked,
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
  throw new BusError('ERR_INVALID_ARGUMENT', `"${text}" is not a number of processes`);
}
