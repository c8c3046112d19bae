import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openStage } from './stage.ts';

// node scripts/run.mjs examples/web/main.ts [--port 8080] [--door 9001] [--bots 40] [--host 127.0.0.1]

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    door: { type: 'string', default: '9001' },
    bots: { type: 'string', default: '40' },
    host: { type: 'string' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'busbar-web-'));
const path = join(folder, 'bus');
const stage = await openStage({ path, port: Number(values.port), door: Number(values.door), host: values.host });
const bots = fork(new URL('bots.js', import.meta.url), [path, values.bots]);
process.stdout.write(`Open ${stage.url} in as many tabs as you like; Ctrl-C ends the world.\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    bots.disconnect();
    void stage.close().finally(() => rmSync(folder, { recursive: true, force: true }));
  });
}
