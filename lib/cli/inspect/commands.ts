import type { Command, Option } from 'commander';
import { Option as CommandOption } from 'commander';
import { Looker, type Told } from '../../bus/inspect/looker.ts';
import { exitCode, failed } from '../failure.ts';
import { printableJson } from '../../base/printable.ts';
import type { Given, Program } from '../program.ts';
import { addressArgument, dataArgument, readData, TimeLeft, timeoutOption, urlOf } from '../reach.ts';

/** What all commands that look at a server take. */
export interface LookValues {
  readonly token?: string;
  readonly timeout: number;
}

const tokenOption = (): Option =>
  new CommandOption(
    '--token <token>',
    'of the option inspect of the server; not needed for its own user on its socket file',
  ).env('BUSBAR_INSPECT_TOKEN');

const codesHelp = `
Looks from the server's own socket, and is not a client of it. Exit codes: 0 done, 1 refused, as { code, message } on
stderr, 2 wrong arguments, 3 nobody there, 4 timeout.
`;

/** Has `use` look at a server, and leaves. */
export async function looking<Result>(
  address: string,
  { token, timeout }: LookValues,
  use: (looker: Looker, left: TimeLeft) => Promise<Result>,
  told?: Told,
): Promise<Result> {
  const left = new TimeLeft(timeout);
  const looker = await Looker.open(
    { url: urlOf(address) },
    { token, timeout: left.timeout, ...(told !== undefined && { told }) },
  );
  try {
    return await use(looker, left);
  } finally {
    await looker.close();
  }
}

/** A command that looks at a server. `run` resolves with the exit code. */
export function lookCommand<Values extends LookValues>(
  program: Program,
  name: string,
  description: string,
  run: (words: readonly string[], values: Values) => Promise<number>,
): Command {
  const act = async ({ words, values }: Given<Values>): Promise<number> => {
    try {
      return await run(words as readonly string[], values);
    } catch (error) {
      return failed(name, error, program.around);
    }
  };
  return program
    .command<Values>(name, description, act)
    .argument(...addressArgument)
    .addOption(tokenOption())
    .addOption(timeoutOption())
    .addHelpText('after', codesHelp);
}

/** `busbar survey` and `broadcast`: has a server ask or tell its clients. */
export function addClients(program: Program): void {
  const { around } = program;
  lookCommand(program, 'survey', 'have a server ask its clients, and print an answer a line', async (words, values) => {
    const [address = '', given = ''] = words;
    const data = await readData(given);
    const answers = (await looking(address, values, (looker, left) => {
      const { timeout } = left;
      // The server needs a little of the time for the way back.
      return looker.ask('survey', { data, timeout: Math.ceil(timeout * 0.9) }, timeout);
    })) as readonly unknown[];
    for (const answer of answers) around.out(`${printableJson(answer)}\n`);
    return exitCode.done;
  }).argument(...dataArgument);
  lookCommand(program, 'broadcast', 'have a server tell its clients, and print how many', async (words, values) => {
    const [address = '', given = ''] = words;
    const data = await readData(given);
    const told = await looking(address, values, (looker, left) => looker.ask('broadcast', { data }, left.timeout));
    around.out(`${printableJson(told)}\n`);
    return exitCode.done;
  }).argument(...dataArgument);
}
