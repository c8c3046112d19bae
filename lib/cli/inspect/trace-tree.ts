import stringWidth from 'string-width';
import type { TracedRequest, TraceStep } from '../../bus/inspect/inspection-trace.ts';
import { line } from '../../base/printable.ts';
import { cut, fit } from './text.ts';

/** A step with all that it caused. */
export interface Caused extends Omit<TraceStep, 'parent'> {
  readonly caused: Caused[];
}

/** What is printed of a trace where there is no terminal, whose width is known. */
const widest = 160;
const columns = { peer: 11, at: 7, took: 7 };
const gap = 2;
const longestCode = 20;

const dim = (text: string): string => `\u001B[2m${text}\u001B[22m`;
const bold = (text: string): string => `\u001B[1m${text}\u001B[22m`;
const red = (text: string): string => `\u001B[31m${text}\u001B[39m`;

/** The steps that nothing is known to have caused, each with those that it caused. */
export function rootsOf({ steps }: TracedRequest): Caused[] {
  const all: Caused[] = [];
  const roots: Caused[] = [];
  for (const { parent, ...step } of steps) {
    const caused: Caused = { ...step, caused: [] };
    // A step stands behind the one that caused it, so that there is no circle.
    const cause = parent === undefined ? undefined : all[parent];
    (cause?.caused ?? roots).push(caused);
    all.push(caused);
  }
  return roots;
}

/** How long all of it took. */
export function msOf({ steps }: TracedRequest): number {
  const last = steps.reduce((latest, { at, ms = 0 }) => Math.max(latest, at + ms), 0);
  return Math.round(last * 1_000) / 1_000;
}

interface Row {
  /** The lines of the tree before it. */
  readonly branch: string;
  readonly step: Caused;
}

/** The lines of a trace: a head, and one for each step. `width`: of the terminal; undefined where there is none. */
export function traceLines(traced: TracedRequest, width: number | undefined): string[] {
  const isPlain = width === undefined;
  const colored = (color: (text: string) => string, text: string): string => (isPlain ? text : color(text));
  const rows: Row[] = [];
  for (const step of rootsOf(traced)) addRows(rows, step, '', '');
  const codes = Math.min(longestCode, Math.max(0, ...traced.steps.map(({ code = '' }) => stringWidth(line(code)))));
  const codeWidth = codes === 0 ? 0 : codes + gap;
  const others = gap * 3 + columns.peer + columns.at + columns.took + codeWidth;
  const longest = Math.max(0, ...rows.map(({ branch, step }) => stringWidth(branch + labelOf(step))));
  const labelWidth = Math.max(16, Math.min(longest, (width ?? widest) - others));
  const head = `${fit('', labelWidth + gap)}${fit('PEER', columns.peer)}${' '.repeat(gap)}${fit('AT MS', columns.at, 'right')}${' '.repeat(gap)}${fit('TOOK MS', columns.took, 'right')}`;
  const texts = rows.map(({ branch, step }) => {
    const label = fit(branch + labelOf(step), labelWidth);
    const drawn = colored(dim, label.slice(0, branch.length)) + label.slice(branch.length);
    const cells = [
      drawn,
      fit(whomOf(step), columns.peer),
      fit(step.at.toFixed(1), columns.at, 'right'),
      fit(step.ms === undefined ? '…' : step.ms.toFixed(1), columns.took, 'right'),
      ...(step.code === undefined ? [] : [colored(red, cut(line(step.code), longestCode))]),
    ];
    return cells.join(' '.repeat(gap)).trimEnd();
  });
  const title = `trace ${line(traced.trace)}  ${new Date(traced.at).toISOString().slice(11, 23)}  ${msOf(traced).toFixed(1)} ms`;
  const left = traced.leftOut > 0 ? [`… and ${traced.leftOut} more`] : [];
  return [colored(bold, title), '', colored(dim, head), ...texts, ...left];
}

function addRows(rows: Row[], step: Caused, branch: string, below: string): void {
  rows.push({ branch, step });
  for (const [at, one] of step.caused.entries()) {
    const isLast = at === step.caused.length - 1;
    addRows(rows, one, `${below}${isLast ? '└─ ' : '├─ '}`, `${below}${isLast ? '   ' : '│  '}`);
  }
}

/** As in a tap: `>` came to the server, `<` went from it. */
function labelOf({ direction, kind, lane, method, data, cut: isCut }: Caused): string {
  const way = direction === 'in' ? '>' : '<';
  const what = lane === '' ? [] : [lane];
  const called = method === undefined ? [`${data}${isCut ? ' …' : ''}`] : [method];
  return line([way, kind, ...what, ...called].join(' '));
}

function whomOf({ peer, name, peers }: Caused): string {
  if (peers !== undefined) return `${peers} ${peers === 1 ? 'peer' : 'peers'}`;
  return name ?? peer ?? '-';
}
