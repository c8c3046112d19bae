import { createHistogram } from 'node:perf_hooks';
import Table from 'cli-table3';
import type { Answers, Reports } from './contract.ts';
import { grouped } from './live.ts';
import { sum, type Tally } from './sequence.ts';

export interface Outcome {
  readonly text: string;
  /** Numbered messages that were sent and did not arrive, and requests without an answer. */
  readonly lost: number;
}

interface Line {
  readonly what: string;
  readonly sent: number;
  readonly due: number;
  readonly tally: Tally;
}

/** What all processes counted, side by side: sent as its senders say, received as its receivers say. */
export function summary({ world, areas, bots }: Reports, seconds: number): Outcome {
  const moves = total(bots, ({ movesSent }) => movesSent);
  const commands = world.commandsSent;
  const ticks = total(areas, ({ ticksSent }) => ticksSent);
  const seen = bots.flatMap(({ firstSnapshots }) => firstSnapshots);
  const lines: Line[] = [
    { what: 'moves: send', sent: moves, due: moves, tally: world.moves },
    { what: 'commands: key', sent: commands, due: commands, tally: sum(areas.map((area) => area.commands)) },
    { what: 'ticks: service', sent: ticks, due: ticks, tally: world.ticks },
    {
      what: 'snapshots: broadcast',
      sent: world.snapshots,
      due: total(seen, (first) => world.snapshots - first + 1) + total(bots, ({ snapshotsDue }) => snapshotsDue),
      tally: sum(bots.map(({ snapshots }) => snapshots)),
    },
  ];
  const asked: [string, Answers][] = [
    ['spawns: request', together(bots.map(({ spawns }) => spawns))],
    ['trades: request', together(bots.map(({ trades }) => trades))],
    ['population: survey', world.surveys],
    ['bots alive: ping', world.pings],
  ];
  const unanswered = total(asked.slice(0, 2), ([, answers]) => answers.asked - answers.answered);
  const lost = total(lines, ({ due, tally }) => due - tally.received) + unanswered;
  const resumed = total(bots, (report) => report.resumed);
  const cut = total(bots, ({ linksCut }) => linksCut);
  const count = (of: (tally: Tally) => number): string => grouped(total(lines, ({ tally }) => of(tally)));
  const text = [
    '',
    messages(lines, seconds),
    '',
    requests(asked, seconds),
    'No answer: from a process that was gone, or came too late.',
    latency(bots.flatMap(({ latencies }) => latencies)),
    `Repeats dropped: ${count(({ repeated }) => repeated)}, out of order: ${count(({ early }) => early)}.`,
    `Links cut: ${cut}, sessions resumed: ${resumed}.`,
    `Lost: ${lost} of ${grouped(total(lines, ({ due }) => due))} deliveries and ${grouped(total(asked.slice(0, 2), ([, answers]) => answers.asked))} requests.`,
  ].join('\n');
  return { text, lost };
}

function messages(lines: readonly Line[], seconds: number): string {
  return table(
    ['messages', 'sent', 'delivered', 'per second', 'lost'],
    lines.map(({ what, sent, due, tally: { received } }) => [what, sent, received, received / seconds, due - received]),
  );
}

function requests(rows: readonly [string, Answers][], seconds: number): string {
  return table(
    ['requests', 'asked', 'answered', 'per second', 'no answer'],
    rows.map(([what, { asked, answered }]) => [what, asked, answered, answered / seconds, asked - answered]),
  );
}

/** Two lines of at most 60 columns. */
function latency(micros: readonly number[]): string {
  const histogram = createHistogram();
  for (const value of micros) histogram.record(Math.max(1, value));
  const ms = (value: number): string => `${(value / 1_000).toFixed(2)} ms`;
  const shown = `p50 ${ms(histogram.percentile(50))}, p99 ${ms(histogram.percentile(99))}, max ${ms(histogram.max)}`;
  return `A request waits until its area has confirmed:\n${shown}.`;
}

/** Without lines around it, so that all of it stands on a small terminal. */
function table(head: readonly string[], rows: readonly (readonly [string, ...number[]])[]): string {
  const empty = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'];
  const chars = [...empty, 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'].map(
    (name) => [name, ''] as const,
  );
  const shown = new Table({
    head: [...head],
    chars: { ...(Object.fromEntries(chars) as Record<string, string>), middle: '  ' },
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 0 },
  });
  for (const [what, ...figures] of rows) shown.push([what, ...figures.map((figure) => grouped(Math.round(figure)))]);
  return shown.toString();
}

function together(answers: readonly Answers[]): Answers {
  return { asked: total(answers, ({ asked }) => asked), answered: total(answers, ({ answered }) => answered) };
}

function total<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((all, item) => all + of(item), 0);
}
