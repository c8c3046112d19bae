import type { Command } from 'commander';
import { BusError } from '../base/errors.ts';
import { exitCode, failed } from './failure.ts';
import { printableJson } from '../base/printable.ts';
import type { Given, Program } from './program.ts';
import {
  addressArgument,
  dataArgument,
  payloadOption,
  readData,
  type ReachValues,
  timeoutOption,
  wholeNumber,
  withClient,
} from './reach.ts';

const codesHelp = `
Exit codes: 0 done, 1 refused or answered with an error, as { code, message } on stderr, 2 wrong arguments, 3 nobody
there, 4 timeout.
`;

interface Values extends ReachValues {
  readonly confirm?: true;
  readonly count?: number;
}

/** `busbar ping`, `send`, `request` and `listen`: a plain client. */
export function addClient(program: Program): void {
  const { around } = program;
  const tell = (value: unknown): void => around.out(`${printableJson(value ?? null)}\n`);
  const add = (
    name: string,
    description: string,
    run: (words: readonly string[], values: Values) => Promise<void>,
  ): Command => {
    const act = async ({ words, values }: Given<Values>): Promise<number> => {
      try {
        await run(words as readonly string[], values);
        return exitCode.done;
      } catch (error) {
        return failed(name, error, around);
      }
    };
    return program
      .command<Values>(name, description, act)
      .argument(...addressArgument)
      .addOption(payloadOption())
      .addOption(timeoutOption())
      .addHelpText('after', codesHelp);
  };
  add('ping', 'milliseconds to a server and back', ([address = ''], values) =>
    withClient(address, values, async (client, left) => tell(await client.ping(undefined, left))),
  );
  add('send', 'send a message', async ([address = '', given = ''], values) => {
    const data = await readData(given);
    await withClient(address, values, async (client, left) => {
      const { confirm = false } = values;
      await client.send(data, { confirm, timeout: left.timeout });
      if (!confirm) await within(left.timeout, client.flush());
    });
  })
    .argument(...dataArgument)
    .option('--confirm', 'wait until the server has handled it, not until it has arrived');
  add('request', 'ask, and print the answer as JSON', async ([address = '', given = ''], values) => {
    const data = await readData(given);
    await withClient(address, values, async (client, left) => tell(await client.request(data, left)));
  }).argument(...dataArgument);
  add('listen', 'print the messages of a server as JSON, one a line, until Ctrl-C', ([address = ''], values) =>
    withClient(address, values, async (client) => {
      const { count = Number.POSITIVE_INFINITY } = values;
      let heard = 0;
      around.onEnough(() => void client.close());
      for await (const message of client.messages()) {
        tell(message);
        heard += 1;
        if (heard >= count) return;
      }
    }),
  ).option('--count <number>', 'end after as many messages', wholeNumber);
}

async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  if (timeoutMs === 0) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new BusError('ERR_TIMEOUT')), timeoutMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
