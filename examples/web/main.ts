import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end } from '../program.ts';
import { readSettings, type Settings, usage } from './settings.ts';
import { openStage, type Stage } from './stage.ts';

const settings = settingsOf(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), 'busbar-web-'));
const path = join(folder, 'bus');
const stage = await open(settings);
const bots = fork(new URL('bots.js', import.meta.url), [path, String(settings.bots)]);
process.stdout.write(`Open ${stage.url} in as many tabs as you like; Ctrl-C ends the world.\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    bots.disconnect();
    void stage.close().finally(() => rmSync(folder, { recursive: true, force: true }));
  });
}

function settingsOf(args: readonly string[]): Settings {
  let read: Settings;
  try {
    read = readSettings(args);
  } catch (error) {
    end(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`, 2);
  }
  if (read.help) end(usage, 0);
  return read;
}

async function open({ port, gatewayPort, host }: Settings): Promise<Stage> {
  try {
    return await openStage({ path, port, gatewayPort, host });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    end(error instanceof Error ? error.message : String(error));
  }
}
