import { playArena } from './arena.ts';
import { offlineNetwork, tcpNetwork } from './network.ts';
import { readSettings, type Settings, usage } from './settings.ts';

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
  // Ctrl-C ends the game early, and it is still counted.
  const early = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => early.abort());

  let sound = true;
  for (const kind of settings.networks) {
    if (early.signal.aborted) break;
    const network = kind === 'tcp' ? await tcpNetwork() : offlineNetwork(settings.lag);
    try {
      const outcome = await playArena(network, settings, early.signal);
      process.stdout.write(`${outcome.text}\n\n`);
      sound &&= outcome.sound;
    } finally {
      await network.close();
    }
  }
  return sound ? 0 : 1;
}
