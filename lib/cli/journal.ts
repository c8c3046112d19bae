import { basename, dirname, join } from 'node:path';
import { BusError } from '../base/errors.ts';
import { resolveOptions } from '../base/options.ts';
import { printable, printableJson } from '../base/printable.ts';
import { systemClock } from '../base/system-clock.ts';
import { codeOf, textOf } from '../base/thrown.ts';
import { describeRecord } from '../plugins/journal/described-record.ts';
import { type FoundLetter, noDeadLetter } from '../plugins/journal/inbox/dead-letters.ts';
import { InboxLog } from '../plugins/journal/inbox/inbox-log.ts';
import type { FoundDeadLetter } from '../plugins/journal/inventory.ts';
import { logTable } from '../plugins/journal/log/log-options.ts';
import type { Damage } from '../plugins/journal/log/repair.ts';
import type { Visit } from '../plugins/journal/log/scan.ts';
import { OutboxLog } from '../plugins/journal/sender/outbox-log.ts';
import { type Part, type Parts, readParts } from './journal-parts.ts';
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
    .option('--json', '{ segments: [{ file, bytes, first, last }], waiting, deadLetters, inbox, peers }')
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

/** Has dead letters handled again by the process that starts next: those of a client are in its inbox. */
async function revive(folder: string, id: string | undefined, around: Surroundings): Promise<number> {
  const { own, inbox: received, isClient, damages } = await readParts(folder, () => undefined);
  const isDamaged = complainOf(
    damages.filter(({ torn }) => !torn),
    around,
  );
  if (isDamaged) return damaged;
  const { holder } = own.view;
  if (holder !== undefined) throw new BusError('ERR_JOURNAL_IN_USE', `The journal in ${folder} is held by ${holder}`);
  if (isClient && received === undefined) {
    if (id !== undefined) throw noDeadLetter(id);
    around.out(revived(0));
    return 0;
  }
  const place = isClient ? join(folder, 'inbox') : folder;
  const inbox = await InboxLog.open(place, resolveOptions('Log', logTable, {}), systemClock);
  try {
    const ids = id === undefined ? (await inbox.deadLetters.list()).map((letter) => letter.id) : [id];
    for (const each of ids) {
      const letter = await inbox.deadLetters.find(each);
      if (letter.mark.isSent !== true) await inbox.revive(letter);
      else await inbox.deadLetters.carryOff(letter, () => sendAnew(place, letter));
    }
    around.out(revived(ids.length));
    return 0;
  } finally {
    await inbox.log.close();
  }
}

const revived = (count: number): string => `${grouped(count)} dead letters are handled again by the next process.\n`;

async function show(
  folder: string,
  { json = false, dump = false }: { readonly json?: boolean; readonly dump?: boolean },
  around: Surroundings,
): Promise<number> {
  const dumping = (place: string): Visit => {
    const where = place === '' ? {} : { place };
    return (sequence, bytes, start, end, { journal }) => {
      around.out(`${printableJson({ ...where, sequence, journal, ...describeRecord(bytes, start, end) })}\n`);
    };
  };
  const parts = await readParts(folder, (place) => (dump ? dumping(place) : undefined));
  if (json) around.out(`${printableJson(summaryOf(parts))}\n`);
  else if (!dump) around.out(printable(describe(parts)));
  return complainOf(parts.damages, around) ? damaged : 0;
}

/** Whether one of them is more than the cut end that a process leaves. */
function complainOf(damages: readonly Damage[], around: Surroundings): boolean {
  for (const damage of damages) around.complain(printable(`${sentenceOf(damage)}\n`));
  return damages.some(({ torn }) => !torn);
}

const deadLettersOf = ({ own, inbox }: Parts): FoundDeadLetter[] => [
  ...own.inventory.deadLetters,
  ...(inbox?.inventory.deadLetters ?? []),
];

function partOf({ view: { segments }, inventory: { waiting } }: Part): object {
  return {
    segments: segments.map(({ path, bytes, first, last }) => ({ file: basename(path), bytes, first, last })),
    waiting,
  };
}

function summaryOf(parts: Parts): object {
  const { own, inbox, peers } = parts;
  return {
    ...partOf(own),
    deadLetters: deadLettersOf(parts),
    ...(inbox === undefined ? {} : { inbox: partOf(inbox) }),
    ...(peers.length === 0 ? {} : { peers: peers.map((peer) => ({ id: basename(peer.place), ...partOf(peer) })) }),
  };
}

const grouped = (value: number): string => value.toLocaleString('en-US');

function describe(parts: Parts): string {
  const { own, inbox, peers } = parts;
  const deadLetters = deadLettersOf(parts);
  const lines = [
    rowOf('segment', 'bytes', 'first', 'last'),
    ...segmentRows(own),
    `${grouped(own.inventory.waiting)} messages wait, and there are ${grouped(deadLetters.length)} dead letters.`,
    ...deadLetters.map(({ id, error, attempts }) => `  ${id}: ${error.code}, ${attempts} attempts: ${error.message}`),
  ];
  if (inbox !== undefined) {
    const { waiting } = inbox.inventory;
    lines.push('', rowOf('inbox', 'bytes', 'first', 'last'), ...segmentRows(inbox));
    lines.push(`${grouped(waiting)} received messages wait.`);
  }
  if (peers.length > 0) lines.push('', ...peerRows(peers));
  const { holder } = own.view;
  if (inbox !== undefined || peers.length > 0) lines.push('');
  lines.push(holder === undefined ? 'No process uses the folder.' : `It is in use by ${holder}.`);
  for (const { place, view } of [own, ...(inbox === undefined ? [] : [inbox]), ...peers]) {
    const where = place === '' ? '' : ` in ${place}`;
    if (view.movedAside > 0)
      lines.push(`${grouped(view.movedAside)} files${where} have damaged bytes of earlier (*.damaged).`);
  }
  return `${lines.join('\n')}\n`;
}

function segmentRows({ view }: Part): string[] {
  return view.segments.map(({ path, bytes, first, last }) =>
    rowOf(basename(path), grouped(bytes), grouped(first), last < first ? '-' : grouped(last)),
  );
}

/** Those for whom something waits. */
function peerRows(peers: readonly Part[]): string[] {
  const waiting = peers.filter(({ inventory }) => inventory.waiting > 0);
  const bytesOf = ({ view }: Part): number => view.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  const rows = waiting.map((peer) => {
    const { segments } = peer.view;
    return [basename(peer.place), grouped(bytesOf(peer)), grouped(segments.length), grouped(peer.inventory.waiting)];
  });
  const sum = peers.reduce((total, peer) => total + bytesOf(peer), 0);
  return [
    ...(rows.length === 0 ? [] : [rowOf('client', 'bytes', 'segments', 'messages')]),
    ...rows.map(([id = '', bytes = '', segments = '', messages = '']) => rowOf(id, bytes, segments, messages)),
    `Messages wait for ${grouped(waiting.length)} of ${grouped(peers.length)} clients, whose files have ${grouped(sum)} bytes.`,
  ];
}

/** 77 columns with what a terminal of 80 has room for. */
function rowOf(name: string, bytes: string, first: string, last: string): string {
  return `${name.padEnd(22)} ${bytes.padStart(14)} ${first.padStart(19)} ${last.padStart(19)}`;
}

function sentenceOf({ file, offset, bytes, torn }: Damage): string {
  return torn
    ? `${file} ends within a record at byte ${offset}, as the end of a process leaves it`
    : `${file} is damaged at byte ${offset}: ${bytes} bytes cannot be read`;
}

function misused(reason: string): BusError {
  return new BusError('ERR_INVALID_ARGUMENT', `${reason}; busbar journal --help tells what it takes`);
}
