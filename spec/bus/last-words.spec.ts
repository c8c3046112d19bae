import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Server } from '../../lib/index.ts';
import { until } from '../support/buses.ts';

const program = fileURLToPath(new URL('./last-words-program.js', import.meta.url));
/** More than one read takes, and less than the system holds for a unix socket. */
const count = 3_000;

/** Holds the event loop until the process has died, so that everything it sent waits in the system's buffers. */
function blockUntilDead(pid: number): void {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    if (/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
  throw new Error('the process did not die');
}

describe('last words of a process that died', function () {
  if (process.platform !== 'linux') return;
  let folder: string;
  let server: Server;
  let child: ChildProcess | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
  });

  afterEach(async () => {
    child?.kill('SIGKILL');
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  // Over TCP it is up to the system of the process that died.
  for (const kind of ['unix', 'child'] as const) {
    it(`${kind} - are all heard, in order, before its death is`, async () => {
      server = new Server({ path: join(folder, 's') });
      const heard: number[] = [];
      server.on('message', ({ n }, connection) => {
        if (heard.push(n) === 1) blockUntilDead(child?.pid ?? Number(connection?.remoteAddress));
      });
      if (kind === 'child') {
        void server.spawn(program, ['parent:', String(count)]).then(
          (spawned) => (child = spawned.child),
          () => undefined,
        );
      } else {
        await server.start();
        child = spawn(process.execPath, [program, `unix:${join(folder, 's')}`, String(count)], { stdio: 'inherit' });
      }
      await until(
        () => heard.length === count,
        () => `${heard.length} of ${count} messages`,
      );
      expect(heard).to.deep.equal(Array.from({ length: count }, (_, n) => n));
    });
  }
});
