import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callOptions } from 'busbar/rpc';
import { Fleet, type GroupOptions } from 'busbar/fleet';
import type { Offers } from './contract.ts';
import { longMs, readSettings, type Settings, usage } from './settings.ts';
import type { Outcome } from './summary.ts';

// Starts the hub of the game, has another one follow it, and prints what was counted.

/** The hub has written why it ends. */
const wasSaid = new Error('The hub has ended');

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

  const folder = mkdtempSync(join(tmpdir(), 'busbar-game-'));
  try {
    const { text, lost } = await play(settings, folder);
    process.stdout.write(`${text}\n`);
    return lost === 0 ? 0 : 1;
  } catch (error) {
    if (error !== wasSaid) process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Has one hub play the first part of the game, and its successor the rest. No process is left when it settles. */
async function play(settings: Settings, folder: string): Promise<Outcome> {
  const hub: GroupOptions = {
    file: new URL('./hub.js', import.meta.url),
    args: [JSON.stringify(settings), folder],
    output: 'inherit',
    stopTimeoutMs: 2 * longMs,
  };
  const fleet = new Fleet({ 'game-hub': hub }, { url: 'memory:game', services: { closeMs: longMs } });
  const failed = new Promise<never>((_resolve, reject) => {
    fleet.on('down', (_hub, reason, code, signal) => {
      if (reason === 'died') reject(code === 1 ? wasSaid : new Error(`The hub ended by itself (${signal ?? code})`));
    });
  });
  failed.catch(() => {});
  const game = fleet.services.service<Offers['game']>('game').key('game').call;

  // Ctrl-C ends the game early, and still counts.
  let isEarly = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      isEarly = true;
      game.end().catch(() => {});
    });
  }
  const forever = callOptions({ timeout: 0 });
  const played = async (): Promise<Outcome> => {
    await fleet.start();
    await game.play(forever);
    if (!isEarly) await fleet.restart('game-hub');
    return game.finish(forever);
  };
  try {
    // A hub that dies ends its calls before its end is heard of, which says more.
    const outcome = played().catch(async (error: unknown) => {
      await Promise.race([failed, new Promise((resolve) => setTimeout(resolve, 1_000))]);
      throw error;
    });
    return await Promise.race([outcome, failed]);
  } finally {
    await fleet.stop();
  }
}
