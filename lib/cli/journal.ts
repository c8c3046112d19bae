import { basename, dirname, join } from 'node:path';
import { BusError } from '../base/errors.ts';
import { resolveOptions } from '../base/options.ts';
import { systemClock } from '../base/system-clock.ts';
import { codeOf, textOf } from '../base/thrown.ts';
import { describeRecord } from '../plugins/journal/described-record.ts';
import type { FoundLetter } from '../plugins/journal/dead-letters.ts';
import { InboxLog } from '../plugins/journal/inbox-log.ts';
import { Inventory } from '../plugins/journal/inventory.ts';
import { systemFiles } from '../plugins/journal/log/files.ts';
import { type FolderView, viewFolder } from '../plugins/journal/log/folder-view.ts';
import { logTable } from '../plugins/journal/log/log-options.ts';
import { OutboxLog } from '../plugins/journal/outbox-log.ts';
import type { Damage, Segment } from '../plugins/journal/log/repair.ts';
import type { Visit } from '../plugins/journal/log/scan.ts';
import { printable, printableJson } from '../base/printable.ts';
import type { Given, Program } from './program.ts';
import type { Surroundings } from './surroundings.ts';

const codesHelp = `
It changes nothing in the folder, and reads beside a process that has it.
Ends with 0, with 1 for a folder that does not exist or cannot be read, with 2 where something in it is damaged, with 3 for a
journal of another version, and with 4 where --retry finds that a process has the folder.
`;

interface Values {
  readonly json?: true;
  readonly dump?: true;
  readonly retry?: true;
}

const deadId = /^[\w-]{22}\.\d+$/;
const damaged = 2;
const codes: Readonly<Record<string, number>> = { ERR_JOURNAL: 3, ERR_JOURNAL_IN_USE: 4 };

/** `busbar journal`: what is in the folder of a journal. */
export function addJournal(program: Program): void {
  const { around } = program;
  const act = async ({ words: [folder = '', id], values }: Given<Values>): Promise<number> => {
    try {
      const { json = false, dump = false, retry = false } = values;
      if (id !== undefined && !retry) throw misused('It takes one folder');
      if ([json, dump, retry].filter(Boolean).length > 1)
        throw misused('--json, --dump and --retry exclude each other');
      return await (retry ? revive(folder, id, around) : show(folder, values, around));
    } catch (error) {
      around.complain(printable(`busbar journal: ${textOf(error)}\n`));
      return codes[codeOf(error) ?? ''] ?? 1;
    }
  };
  program
    .command('journal', 'what is in the folder of a journal', act, { usageCode: 1, operand: deadId })
    .argument('<folder>')
    .argument('[id]', 'of a dead letter, with --retry')
    .option('--json', '{ segments: [{ file, bytes, first, last }], waiting, deadLetters }')
    .option('--dump', 'each record as a line of JSON')
    .option(
      '--retry',
      'have the dead letter, or all of them, handled again by the process that starts next; not while a process has the folder',
    )
    .addHelpText('after', codesHelp);
}

/** What a peer refused waits for it again: of a client in the folder above, of a server in one for each client. */
async function sendAnew(folder: string, { mark, data }: FoundLetter): Promise<void> {
  const outbox = basename(folder) === 'inbox' ? dirname(folder) : join(folder, 'peers', mark.folder);
  const box = await OutboxLog.open(outbox, resolveOptions('Log', logTable, {}), systemClock);
  try {
    if (box.append(data) === undefined) throw new BusError('ERR_QUEUE_FULL', 'The journal has no room');
    await box.log.pending;
  } finally {
    await box.close();
  }
}

/** Has dead letters handled again by the process that starts next. */
async function revive(folder: string, id: string | undefined, around: Surroundings): Promise<number> {
  const { damages } = await viewed(folder, () => {});
  const isDamaged = damages.some(({ torn }) => !torn);
  for (const damage of damages) if (!damage.torn) around.complain(printable(`${sentenceOf(damage)}\n`));
  if (isDamaged) return damaged;
  const inbox = await InboxLog.open(folder, resolveOptions('Log', logTable, {}), systemClock);
  try {
    const ids = id === undefined ? (await inbox.deadLetters.list()).map((letter) => letter.id) : [id];
    for (const each of ids) {
      const letter = await inbox.deadLetters.find(each);
      if (letter.mark.isSent !== true) await inbox.revive(letter);
      else await inbox.deadLetters.carryOff(letter, () => sendAnew(folder, letter));
    }
    around.out(`${grouped(ids.length)} dead letters are handled again by the next process.\n`);
    return 0;
  } finally {
    await inbox.log.close();
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
  else if (!dump) around.out(printable(describe(folder, view, inventory)));
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
    deadLetters: inventory.deadLetters,
  };
}

const grouped = (value: number): string => value.toLocaleString('en-US');

function describe(
  folder: string,
  { segments, holder, movedAside, names }: FolderView,
  { waiting, deadLetters }: Inventory,
): string {
  const lines = [
    rowOf('segment', 'bytes', 'first', 'last'),
    ...segments.map(({ path, bytes, first, last }: Segment) =>
      rowOf(basename(path), grouped(bytes), grouped(first), last < first ? '-' : grouped(last)),
    ),
    `${grouped(waiting)} messages wait, and there are ${grouped(deadLetters.length)} dead letters.`,
    ...deadLetters.map(({ id, error, attempts }) => `  ${id}: ${error.code}, ${attempts} attempts: ${error.message}`),
    holder === undefined ? 'No process uses the folder.' : `It is in use by ${holder}.`,
  ];
  if (names.includes('inbox')) lines.push(`Received messages are in ${join(folder, 'inbox')}.`);
  if (names.includes('peers')) lines.push(`Messages for clients are in the folders of ${join(folder, 'peers')}.`);
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

function misused(reason: string): BusError {
  return new BusError('ERR_INVALID_ARGUMENT', `${reason}; busbar journal --help tells what it takes`);
}
