import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { asBusError, BusError } from '../base/errors.ts';
import { codeOf, textOf } from '../base/thrown.ts';
import { describeRecord } from '../plugins/journal/described-record.ts';
import { Inventory } from '../plugins/journal/inventory.ts';
import { systemFiles } from '../plugins/journal/log/files.ts';
import { type FolderView, viewFolder } from '../plugins/journal/log/folder-view.ts';
import type { Damage, Segment } from '../plugins/journal/log/repair.ts';
import type { Visit } from '../plugins/journal/log/scan.ts';
import { printable, printableJson } from './printable.ts';
import type { Surroundings } from './surroundings.ts';

const usage = `usage: busbar journal FOLDER [OPTIONS]

Tells what is in the folder of a journal. It changes nothing there, and reads beside a process that has the folder.

      --json     { segments: [{ file, bytes, first, last }], waiting, deadLetters }
      --dump     each record as a line of JSON
  -h, --help     tell this

Ends with 0, with 1 for a folder that is none or cannot be read, with 2 where something in it is damaged, and with 3 for
a journal of another version.
`;

const flags = {
  json: { type: 'boolean' },
  dump: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const damaged = 2;
const ofOtherVersion = 3;

/** `busbar journal`: resolves the exit code. */
export async function journalCommand(args: readonly string[], around: Surroundings): Promise<number> {
  try {
    const { values, positionals } = readArguments(args);
    if (values.help === true) {
      around.out(usage);
      return 0;
    }
    const [folder] = positionals;
    if (folder === undefined || positionals.length > 1) throw misused('It takes one folder');
    if (values.json === true && values.dump === true) throw misused('--json and --dump exclude each other');
    return await show(folder, values, around);
  } catch (error) {
    around.complain(printable(`busbar journal: ${textOf(error)}\n`));
    return codeOf(error) === 'ERR_JOURNAL' ? ofOtherVersion : 1;
  }
}

async function show(
  folder: string,
  { json = false, dump = false }: { readonly json?: boolean; readonly dump?: boolean },
  around: Surroundings,
): Promise<number> {
  const inventory = new Inventory();
  const dumping: Visit = (sequence, bytes, start, end, { journal }) => {
    around.out(`${printableJson({ sequence, journal, ...describeRecord(bytes, start, end) })}\n`);
  };
  const view = await viewed(folder, dump ? dumping : inventory.visit);
  if (json) around.out(`${printableJson(summaryOf(view, inventory))}\n`);
  else if (!dump) around.out(printable(describe(view, inventory)));
  for (const damage of view.damages) around.complain(printable(`${sentenceOf(damage)}\n`));
  return view.damages.some(({ torn }) => !torn) ? damaged : 0;
}

async function viewed(folder: string, visit: Visit): Promise<FolderView> {
  let view: FolderView | undefined;
  try {
    view = await viewFolder(systemFiles, folder, () => visit);
  } catch (cause) {
    if (codeOf(cause) === 'ERR_JOURNAL') throw cause;
    const isNone = codeOf(cause) === 'ENOENT';
    const text = isNone ? `There is no folder ${folder}` : `${folder} cannot be read: ${textOf(cause)}`;
    throw new BusError('ERR_INVALID_ARGUMENT', text, { cause });
  }
  if (view === undefined) throw new BusError('ERR_INVALID_ARGUMENT', `There is no journal in ${folder}`);
  return view;
}

function summaryOf({ segments }: FolderView, inventory: Inventory): object {
  return {
    segments: segments.map(({ path, bytes, first, last }) => ({ file: basename(path), bytes, first, last })),
    waiting: inventory.waiting,
    deadLetters: [],
  };
}

const grouped = (value: number): string => value.toLocaleString('en-US');

function describe({ segments, holder, movedAside }: FolderView, inventory: Inventory): string {
  const lines = [
    rowOf('segment', 'bytes', 'first', 'last'),
    ...segments.map(({ path, bytes, first, last }: Segment) =>
      rowOf(basename(path), grouped(bytes), grouped(first), last < first ? '-' : grouped(last)),
    ),
    `${grouped(inventory.waiting)} messages wait.`,
    holder === undefined ? 'Nobody has the folder.' : `It is held by ${holder}.`,
  ];
  if (movedAside > 0) lines.push(`${grouped(movedAside)} files have damaged bytes of earlier (*.damaged).`);
  return `${lines.join('\n')}\n`;
}

/** 77 columns with what a terminal of 80 has room for. */
function rowOf(file: string, bytes: string, first: string, last: string): string {
  return `${file.padEnd(20)} ${bytes.padStart(14)} ${first.padStart(20)} ${last.padStart(20)}`;
}

function sentenceOf({ file, offset, bytes, torn }: Damage): string {
  return torn
    ? `${file} ends within a record at byte ${offset}, as the end of a process leaves it`
    : `${file} is damaged at byte ${offset}: ${bytes} bytes cannot be read`;
}

function readArguments(args: readonly string[]): ReturnType<typeof parse> {
  try {
    return parse(args);
  } catch (error) {
    throw misused(asBusError(error, 'ERR_INVALID_ARGUMENT').message);
  }
}

function parse(
  args: readonly string[],
): ReturnType<typeof parseArgs<{ options: typeof flags; allowPositionals: true }>> {
  return parseArgs({ args: [...args], options: flags, allowPositionals: true });
}

function misused(reason: string): BusError {
  return new BusError('ERR_INVALID_ARGUMENT', `${reason}\n\n${usage}`);
}
