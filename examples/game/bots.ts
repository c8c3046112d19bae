import { argumentsOf } from '../program.ts';
import { Bot } from './bot.ts';
import type { Answers, Offers } from './contract.ts';
import { at, member } from './member.ts';
import { sum } from './sequence.ts';
import { botProcesses } from './settings.ts';

// A process full of bots. A third into the game the links of a quarter of them are cut; their sessions go on.

const [total, seconds] = argumentsOf('TOTAL', 'SECONDS');
const index = Number(process.env['BUSBAR_NUMBER']) - 1;
const bots: Bot[] = [];
const { mine, join, ready } = member(() => Promise.all(bots.map((bot) => bot.leave())));
const cut = setTimeout(
  () => {
    for (const bot of bots.slice(0, Math.ceil(bots.length / 4))) bot.cutLink();
  },
  (Number(seconds) * 1_000) / 3,
);
const offered: Offers['bots'] = {
  async stop() {
    clearTimeout(cut);
    await Promise.all(bots.map((bot) => bot.stop()));
  },
  report: () => ({
    movesSent: bots.reduce((all, bot) => all + bot.movesSent, 0),
    spawns: together(bots.map((bot) => bot.spawns)),
    trades: together(bots.map((bot) => bot.trades)),
    latencies: bots.flatMap((bot) => bot.latencies),
    snapshots: sum(bots.map(({ snapshots }) => snapshots?.tally ?? { received: 0, repeated: 0, early: 0 })),
    firstSnapshots: bots.map((bot) => bot.firstSnapshot),
    linksCut: bots.reduce((all, bot) => all + bot.linksCut, 0),
    resumed: bots.reduce((all, bot) => all + bot.resumed, 0),
  }),
};
mine.provide('bots', offered);
await join();
// All of them come in one instant, which may be more than the server lets wait at its door.
const players = await mine.service<Offers['world']>('world').call.address();
const options = { ...at(players), retries: 50, maxRetryTime: 500 };
for (let bot = index; bot < Number(total); bot += botProcesses) bots.push(new Bot(bot, options));
await Promise.all(bots.map((bot) => bot.play(index)));
await ready();

function together(answers: readonly Answers[]): Answers {
  return {
    asked: answers.reduce((all, { asked }) => all + asked, 0),
    answered: answers.reduce((all, { answered }) => all + answered, 0),
  };
}
