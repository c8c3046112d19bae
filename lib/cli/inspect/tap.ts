import process from 'node:process';
import { InvalidArgumentError } from 'commander';
import type { Seen } from '../../bus/inspect/inspection-tap.ts';
import type { Looker } from '../../bus/inspect/looker.ts';
import { BusError } from '../../base/errors.ts';
import { exitCode } from '../failure.ts';
import { line, printableJson } from '../../base/printable.ts';
import type { Program } from '../program.ts';
import { lookCommand, looking, type LookValues } from './commands.ts';
import { cut, fit, short } from './text.ts';

interface Values extends LookValues {
  readonly json?: true;
  readonly sample: number;
  readonly count?: number;
}

/** What a server tells who taps it, at a time. */
export interface Batch {
  readonly seen: readonly Seen[];
  /** As many more were not shown, as there was no time for them. */
  readonly dropped: number;
}

export interface Tapping {
  readonly globs: readonly string[];
  readonly sample: number;
  readonly whole: boolean;
}

/** Has a server show what goes by, and hands each batch to `told`, until a signal, or `told` returns true. Rejects where the server ends it. */
export function tapping(
  program: Program,
  address: string,
  values: LookValues,
  settings: Tapping,
  told: (batch: Batch) => boolean,
  until?: Promise<void>,
): Promise<void> {
  let end: () => void = () => {};
  const enough = new Promise<void>((resolve) => (end = resolve));
  const hear = (data: unknown): void => {
    if (told(data as Batch)) end();
  };
  const use = async (looker: Looker, { timeout }: { readonly timeout: number }): Promise<void> => {
    const gone = new Promise<never>((_, reject) => {
      looker.onClose(() => reject(new BusError('ERR_CLOSED', 'The server is gone, or has dropped who looked at it')));
    });
    gone.catch(() => {});
    program.around.onEnough(() => end());
    await looker.ask('tap', settings, timeout);
    await Promise.race([gone, enough, ...(until === undefined ? [] : [until])]);
  };
  return looking(address, values, use, hear);
}

/** `busbar tap`: what goes by at a server. */
export function addTap(program: Program): void {
  const { around } = program;
  lookCommand<Values>(program, 'tap', 'what goes by at a server, masked and cut short', async (words, values) => {
    const [address = '', ...globs] = words.flat();
    const { sample, json = false, count = Number.POSITIVE_INFINITY } = values;
    const width = process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;
    let shown = 0;
    const told = ({ seen, dropped }: Batch): boolean => {
      const some = seen.slice(0, count - shown);
      shown += some.length;
      // What was dropped is told with the one that follows, and where none does by itself.
      const lines = some.map((one, at) => {
        const left = at === 0 ? dropped : 0;
        return json ? jsonOf(one, left) : textOf(one, left, width);
      });
      if (some.length === 0 && dropped > 0 && !json) lines.push(`(${dropped} more were not shown)`);
      if (lines.length > 0) around.out(`${lines.join('\n')}\n`);
      return shown >= count;
    };
    await tapping(program, address, values, { globs, sample, whole: false }, told);
    return exitCode.done;
  })
    .argument(
      '[filter...]',
      'globs; each has to fit the kind, the lane, the peer, or a text right in the message, such as its topic',
    )
    .option('--sample <share>', 'show this share of what fits', shareOf, 1)
    .option('--count <number>', 'end after as many', wholeOf)
    .option('--json', 'lines of JSON: { at, peer, name, direction, kind, lane, id, bytes, data, cut, dropped }');
}

function shareOf(given: string): number {
  const share = Number(given);
  if (share > 0 && share <= 1) return share;
  throw new InvalidArgumentError('It must be a share above 0 and up to 1.');
}

function wholeOf(given: string): number {
  if (/^\d{1,9}$/.test(given) && Number(given) > 0) return Number(given);
  throw new InvalidArgumentError('It must be a number of messages.');
}

function jsonOf({ at, peer, name, direction, kind, lane, id, bytes, data, cut: isCut }: Seen, dropped: number): string {
  return printableJson({ at, peer, name, direction, kind, lane, id, bytes, data: data ?? null, cut: isCut, dropped });
}

function textOf(seen: Seen, dropped: number, width: number): string {
  const { at, peer, name, direction, kind, lane, bytes, data, cut: isCut } = seen;
  const time = new Date(at).toISOString().slice(11, 23);
  const way = direction === 'in' ? '>' : '<';
  const about = `${time} ${way} ${fit(name ?? peer, 10)} ${fit(kind, 8)} ${fit(lane === '' ? '-' : lane, 10)} ${fit(short(bytes), 5, 'right')}`;
  const more = dropped > 0 ? `(${dropped} more were not shown)\n` : '';
  const text = `${about} ${printableJson(data ?? null)}${isCut ? ' …' : ''}`;
  return more + (width === Number.POSITIVE_INFINITY ? line(text) : cut(line(text), width));
}
