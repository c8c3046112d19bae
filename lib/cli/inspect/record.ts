import { createReadStream } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Option } from 'commander';
import { codeOf, textOf } from '../../base/thrown.ts';
import { exitCode, failed, Misuse } from '../failure.ts';
import { printableJson } from '../../base/printable.ts';
import type { Given, Program } from '../program.ts';
import { payloadOption, timeoutOption, wholeNumber } from '../reach.ts';
import { lookCommand, type LookValues } from './commands.ts';
import { Recorder } from './recorder.ts';
import { recordingHead } from './recording.ts';
import { replay, type ReplaySettings } from './replay.ts';
import { tapping } from './tap.ts';

interface RecordValues extends LookValues {
  readonly seconds?: number;
}

/** `busbar record` and `replay`: what came to a server, and the same to another one. */
export function addRecord(program: Program): void {
  const { around } = program;
  lookCommand<RecordValues>(program, 'record', 'write what comes to a server into a file', async (words, values) => {
    const [address = '', path = ''] = words;
    const file = await create(path);
    around.complain('busbar record: whole values are recorded, and nothing in them is masked; ctrl-c ends it\n');
    try {
      const { messages, dropped } = await recordInto(file, program, address, values);
      around.out(`${printableJson({ file: path, messages, dropped })}\n`);
      return dropped === 0 ? exitCode.done : exitCode.refused;
    } catch (error) {
      // What has nothing in it is in nobody's way.
      if ((await file.stat()).size <= recordingHead().length) await unlink(path);
      throw error;
    } finally {
      await file.close();
    }
  })
    .argument('<file>', 'to be made, of mode 0600')
    .option('--seconds <number>', 'end after as many', wholeNumber)
    .addHelpText(
      'after',
      '\nIt holds the messages and requests of all clients, in order. Ends with 1 where the server had no time for some.\n',
    );
  const act = async ({ words: [path = ''], values }: Given<ReplaySettings>): Promise<number> => {
    try {
      const outcome = await replay(createReadStream(path), values);
      around.out(`${printableJson(outcome)}\n`);
      return outcome.failed === 0 ? exitCode.done : exitCode.refused;
    } catch (error) {
      return failed('replay', codeOf(error) === 'ENOENT' ? new Misuse(`there is no file ${path}`) : error, around);
    }
  };
  program
    .command<ReplaySettings>('replay', 'send what was recorded to a server', act)
    .argument('<file>', 'that record wrote')
    .addOption(new Option('--to <address>', 'of the server').makeOptionMandatory())
    .addOption(
      new Option('--speed <factor>', 'as many times faster than it was recorded; 0: as fast as possible')
        .default(1)
        .argParser(Number),
    )
    .addOption(payloadOption())
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      '\nThere is a client for each that was recorded, and each message follows the one before it, of any client. Ends with 1 where a request failed.\n',
    );
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    const why = codeOf(error) === 'EEXIST' ? 'it is there already' : textOf(error);
    throw new Misuse(`the file ${path} cannot be made: ${why}`);
  }
}

async function recordInto(
  file: FileHandle,
  program: Program,
  address: string,
  values: RecordValues,
): Promise<Recorder> {
  let written: Promise<unknown> = Promise.resolve();
  let failure: unknown;
  const recorder = new Recorder((bytes) => {
    written = written.then(() => file.writeFile(bytes));
    written.catch((error: unknown) => (failure ??= error));
  });
  recorder.begin();
  const { seconds } = values;
  const until = seconds === undefined ? undefined : sleep(seconds * 1_000, undefined, { ref: false });
  const settings = { globs: [], sample: 1, whole: true };
  await tapping(
    program,
    address,
    values,
    settings,
    (batch) => {
      recorder.add(batch);
      return failure !== undefined;
    },
    until,
  );
  await written;
  return recorder;
}
