import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { playGame } from './game.ts';
import { readSettings, type Settings, usage } from './settings.ts';

// The supervisor: starts every process of the game, watches them, and prints what was counted.

process.exitCode = await main();

async function main(): Promise<number> {
  let settings: Settings;
  try {
    settings = readSettings(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (settings.help) {
    process.stdout.write(usage);
    return 0;
  }

  // Ctrl-C ends the game early, and still counts.
  const early = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => early.abort());

  const folder = mkdtempSync(join(tmpdir(), 'busbar-game-'));
  try {
    const { text, lost } = await playGame(settings, folder, early.signal);
    process.stdout.write(`${text}\n`);
    return lost === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
