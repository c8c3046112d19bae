import { createHistogram } from 'node:perf_hooks';
import Table from 'cli-table3';
import type { Answers, BotsReport, Report, WorldReport, ZoneReport } from './contract.ts';
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
  readonly again?: number;
}

/** What all processes counted, side by side: sent as its senders say, received as its receivers say. */
export function summary(reports: readonly Report[], seconds: number): Outcome {
  const bots = reports.filter((report): report is BotsReport => report.role === 'bots');
  const zones = reports.filter((report): report is ZoneReport => report.role === 'zone');
  const world = reports.find((report): report is WorldReport => report.role === 'world');
  if (world === undefined) throw new Error('The world did not report');

  const moves = total(bots, ({ movesSent }) => movesSent);
  const commands = total(world.commands, ({ sent }) => sent);
  const ticks = total(zones, ({ ticksSent }) => ticksSent);
  const seen = bots.flatMap(({ firstSnapshots }) => firstSnapshots);
  const lines: Line[] = [
    { what: 'moves: send', sent: moves, due: moves, tally: world.moves },
    {
      what: 'commands: confirmed',
      sent: commands,
      due: commands,
      tally: sum(zones.map((zone) => zone.commands)),
      again: total(world.commands, ({ again }) => again),
    },
    {
      what: 'ticks: confirmed',
      sent: ticks,
      due: ticks,
      tally: world.ticks,
      again: total(zones, ({ ticksAgain }) => ticksAgain),
    },
    {
      what: 'snapshots: broadcast',
      sent: world.snapshots,
      due: total(seen, (first) => world.snapshots - first + 1),
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
  const text = [
    messages(lines, seconds),
    questions(asked, seconds),
    latency(bots.flatMap(({ latencies }) => latencies)),
    `Links cut: ${cut}, sessions resumed: ${resumed}.`,
    `Lost: ${lost} of ${grouped(total(lines, ({ due }) => due))} deliveries and ${grouped(total(asked.slice(0, 2), ([, answers]) => answers.asked))} requests.`,
  ].join('\n');
  return { text, lost };
}

function messages(lines: readonly Line[], seconds: number): string {
  const table = newTable([
    'messages',
    'sent',
    'delivered',
    'per\nsecond',
    'sent\nagain',
    'repeats\ndropped',
    'out of\norder',
    'lost',
  ]);
  for (const { what, sent, due, tally, again = 0 } of lines) {
    const { received, repeated, early } = tally;
    table.push([
      what,
      ...[sent, received, Math.round(received / seconds), again, repeated, early, due - received].map(grouped),
    ]);
  }
  return table.toString();
}

function questions(rows: readonly [string, Answers][], seconds: number): string {
  const table = newTable(['questions', 'asked', 'answered', 'per\nsecond', 'no\nanswer']);
  for (const [what, { asked, answered }] of rows) {
    table.push([what, ...[asked, answered, Math.round(answered / seconds), asked - answered].map(grouped)]);
  }
  return table.toString();
}

function latency(micros: readonly number[]): string {
  const histogram = createHistogram();
  for (const value of micros) histogram.record(Math.max(1, value));
  const ms = (value: number): string => `${(value / 1_000).toFixed(2)} ms`;
  return (
    `Requests took p50 ${ms(histogram.percentile(50))}, p99 ${ms(histogram.percentile(99))}, ` +
    `at most ${ms(histogram.max)}; each waits until its zone has confirmed.`
  );
}

function newTable(head: readonly string[]): Table.Table {
  return new Table({
    head: [...head],
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
    wordWrap: true,
  });
}

function together(answers: readonly Answers[]): Answers {
  return { asked: total(answers, ({ asked }) => asked), answered: total(answers, ({ answered }) => answered) };
}

function total<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((all, item) => all + of(item), 0);
}
