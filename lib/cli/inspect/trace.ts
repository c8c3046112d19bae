import process from 'node:process';
import { InvalidArgumentError } from 'commander';
import { BusError } from '../../base/errors.ts';
import { printableJson } from '../../base/printable.ts';
import type { TracedRequest } from '../../bus/inspect/inspection-trace.ts';
import { exitCode } from '../failure.ts';
import type { Program } from '../program.ts';
import { lookCommand, looking, type LookValues } from './commands.ts';
import { msOf, rootsOf, traceLines } from './trace-tree.ts';

interface Values extends LookValues {
  readonly filter: readonly string[];
  readonly json?: true;
}

/** What is left of the time for the way back. */
const share = 0.9;

/** `busbar trace`: one request with all that it caused. */
export function addTrace(program: Program): void {
  const { around } = program;
  const description = 'the next request at a server with all that it causes, as a tree';
  lookCommand<Values>(program, 'trace', description, async (words, values) => {
    const [address = '', id] = words;
    const { filter, json = false } = values;
    const asked = { ...(id !== undefined && { id }), globs: filter };
    const traced = (await looking(address, values, (looker, { timeout }) => {
      const ended = new Promise<undefined>((resolve) => around.onEnough(() => resolve(undefined)));
      return Promise.race([ended, looker.ask('trace', { ...asked, timeout: Math.ceil(timeout * share) }, timeout)]);
    })) as TracedRequest | undefined;
    if (traced === undefined) return exitCode.done;
    const { trace, at, isOver, leftOut } = traced;
    const width = process.stdout.isTTY ? process.stdout.columns || 80 : undefined;
    const text = json
      ? printableJson({ trace, at, ms: msOf(traced), isOver, leftOut, steps: rootsOf(traced) })
      : traceLines(traced, width).join('\n');
    around.out(`${text}\n`);
    if (!isOver) throw new BusError('ERR_TIMEOUT', 'Not all of it has ended');
    return exitCode.done;
  })
    .argument('[id]', 'of the trace to wait for: 32 hexadecimal digits; by default the next request', idOf)
    .option(
      '--filter <glob>',
      'wait for a request that fits, by its lane, method, direction, client, or a text in it; may be repeated',
      (glob: string, before: readonly string[]) => [...before, glob],
      [],
    )
    .option('--json', 'one line of JSON: { trace, at, ms, isOver, leftOut, steps }')
    .addHelpText(
      'after',
      '\nPrints what there is when the time is over, and ends with 4 where something still continues. > came to the server,\n< went from it.\n',
    );
}

function idOf(given: string): string {
  if (/^[\da-f]{32}$/i.test(given)) return given.toLowerCase();
  throw new InvalidArgumentError('It must be 32 hexadecimal digits.');
}
