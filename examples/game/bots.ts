import { join as pathOf } from 'node:path';
import { argumentsOf } from '../program.ts';
import { Bot, type BotState, newcomer } from './bot.ts';
import type { Answers, BotsReport, Offers } from './contract.ts';
import { keep, kept } from './kept.ts';
import { at, member } from './member.ts';
import { sum } from './sequence.ts';
import { botProcesses } from './settings.ts';

// A process full of bots: it has groups of them, those that the hub gives it.

const [total, folder] = argumentsOf('TOTAL', 'FOLDER');
const { mine, join } = member();

/** Some bots, in one process at a time. */
class Bots {
  #bots: readonly Bot[];

  private constructor(bots: readonly Bot[]) {
    this.#bots = bots;
  }

  static async open(group: number, left: readonly BotState[] | undefined): Promise<Bots> {
    // All of them come in one instant, which may be more than the server lets wait at its door.
    const players = await mine.service<Offers['world']>('world').key('world').call.address();
    const options = { ...at(players), retries: 1_000, maxRetryTime: 500 };
    const bots = (left ?? newcomers(group)).map((state) => new Bot(state, options, pathOf(folder, `bot-${state.bot}`)));
    await Promise.all(bots.map((bot) => bot.play(group)));
    return new Bots(bots);
  }

  /** That they play. */
  play(): void {}

  cutLinks(): void {
    for (const bot of this.#bots.slice(0, Math.ceil(this.#bots.length / 4))) bot.cutLink();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#bots.map((bot) => bot.stop()));
  }

  /** What they did; they leave for good. */
  async report(): Promise<BotsReport> {
    const bots = this.#bots;
    this.#bots = [];
    const states = await Promise.all(bots.map((bot) => bot.leave()));
    return {
      movesSent: states.reduce((all, { movesSent }) => all + movesSent, 0),
      spawns: together(states.map(({ spawns }) => spawns)),
      trades: together(states.map(({ trades }) => trades)),
      latencies: states.flatMap(({ latencies }) => latencies),
      snapshots: sum(states.map(({ snapshots }) => snapshots)),
      firstSnapshots: states.flatMap(({ firstSnapshot }) => firstSnapshot ?? []),
      snapshotsDue: states.reduce((all, { snapshotsDue }) => all + snapshotsDue, 0),
      linksCut: states.reduce((all, { linksCut }) => all + linksCut, 0),
      resumed: states.reduce((all, { resumed }) => all + resumed, 0),
    };
  }

  /** What has not reached the world by then is in their journals, and goes from the process that has them next. */
  close(): Promise<readonly BotState[]> {
    return Promise.all(this.#bots.map(async (bot) => staysOver(await bot.leave())));
  }
}

mine.own('bots', {
  methods: ['play', 'cutLinks', 'stop', 'report'],
  open: async (key, state) => {
    const left = (state as readonly BotState[] | undefined) ?? (await kept<readonly BotState[]>(leftBy(key)));
    return Bots.open(Number(key), left);
  },
  close: async (bots, key) => keep(leftBy(key), await bots.close()),
});
await join();

function leftBy(group: string): string {
  return pathOf(folder, `bots-${group}-left`);
}

function newcomers(group: number): BotState[] {
  const bots: BotState[] = [];
  for (let bot = group; bot < Number(total); bot += botProcesses) bots.push(newcomer(bot));
  return bots;
}

/** What its next stay begins with: of this one every snapshot counts that the bot has seen, and those before them. */
function staysOver({ firstSnapshot, lastSnapshot, ...state }: BotState): BotState {
  const due = firstSnapshot === undefined || lastSnapshot === undefined ? 0 : lastSnapshot - firstSnapshot + 1;
  return { ...state, snapshotsDue: state.snapshotsDue + due };
}

function together(answers: readonly Answers[]): Answers {
  return {
    asked: answers.reduce((all, { asked }) => all + asked, 0),
    answered: answers.reduce((all, { answered }) => all + answered, 0),
  };
}
