import { argumentsOf, end } from '../program.ts';
import { Game, type GameState } from './game.ts';
import { member } from './member.ts';
import type { Settings } from './settings.ts';

// The hub of the game: starts all other processes and watches them. It is a process itself, which another one can follow.

const [given, folder] = argumentsOf('SETTINGS', 'FOLDER');
const { mine, join } = member();
let game: Game | undefined;
let isFailed = false;

mine.own('game', {
  methods: ['play', 'finish', 'end'],
  async open(_key, left) {
    game = new Game(JSON.parse(given) as Settings, folder, left as GameState | undefined, fail);
    await game.start().catch(fail);
    return game;
  },
  close: (one) => one.close(),
});
await join();

/** Says the first thing that went wrong, and ends this process when it has ended all others. */
async function fail(error: unknown): Promise<never> {
  if (!isFailed) {
    isFailed = true;
    await game?.close();
    end(error instanceof Error ? error.message : String(error));
  }
  return new Promise<never>(() => {});
}
