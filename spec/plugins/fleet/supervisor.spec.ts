import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client } from '../../../lib/index.ts';
import { sleep, until } from '../../support/buses.ts';
import { isAlive } from './crew-world.ts';

const program = fileURLToPath(new URL('./supervisor-program.js', import.meta.url));

describe('a supervisor', function () {
  this.timeout(60_000).slow(5_000);
  let folder: string;
  let started: ChildProcess[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bb-'));
    started = [];
  });

  afterEach(async () => {
    for (const child of started) child.kill('SIGKILL');
    await Promise.all(started.map(async (child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
    rmSync(folder, { recursive: true, force: true });
  });

  /** What it printed, until `pattern` was found in it. */
  async function start(pattern: RegExp): Promise<{ readonly child: ChildProcess; readonly text: () => string }> {
    const child = spawn(process.execPath, [program, join(folder, 'hub')], { stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    }
    await until(
      () => pattern.test(text),
      () => `${pattern} in ${text}`,
    );
    return { child, text: () => text };
  }

  const pidsIn = (text: string): number[] =>
    [...text.matchAll(/^(?:pids|.*child) ([\d,]+)$/gm)].flatMap(([, pids = '']) => pids.split(',').map(Number));

  it('that is killed - leaves no process after a second, also of those that its processes have started', async () => {
    const { child, text } = await start(/pids [\d,]+\n/);
    await until(() => /child \d+/.test(text()));
    const pids = pidsIn(text());
    expect([pids.length, pids.every(isAlive)]).to.deep.equal([6, true]);
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    const killedAt = performance.now();
    await until(() => !pids.some(isAlive), 'all of them to end');
    expect(performance.now() - killedAt).to.be.below(5_000);
  });

  it('prints what its processes print, with their names, and ends in order at SIGTERM', async () => {
    const { child, text } = await start(/pids [\d,]+\n/);
    await until(() => /child \d+/.test(text()));
    const pids = pidsIn(text());
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).to.deep.equal([0, null]);
    for (const line of ['behind 1 | first', 'behind 1 | second', 'behind 1 | third', 'behind 1 | without an end']) {
      expect(text().split('\n')).to.include(line);
    }
    expect(pids.filter(isAlive)).to.deep.equal([]);
    expect(existsSync(join(folder, 'hub'))).to.equal(false);
  });

  it('whose output nobody reads - does not hold up a process that prints without end, answers, and keeps its size', async () => {
    const path = join(folder, 'hub');
    const child = spawn(process.execPath, [program, path, '256'], { stdio: ['ignore', 'pipe', 'inherit'] });
    started.push(child);
    child.stdout.pause();
    const client = new Client({ path });
    await until(async () => {
      await client.connect().catch(() => {});
      return client.connection !== undefined;
    });
    try {
      const [, before] = (await client.request('how?')) as [unknown, number];
      let most = before;
      let said: unknown;
      while (said !== 'printed') {
        const [now, rss] = (await client.request('how?')) as [unknown, number];
        said = now;
        most = Math.max(most, rss);
        await sleep(10);
      }
      expect((most - before) / 1_048_576).to.be.below(150);
    } finally {
      await client.close();
    }
  });

  it('a second one at the same path - says so, starts nothing, and leaves the first one alone', async () => {
    const first = await start(/pids [\d,]+\n/);
    const second = await start(/failed/);
    expect(second.text()).to.match(new RegExp(`^failed ERR_ADDRESS_IN_USE .*${join(folder, 'hub')}`));
    expect(await once(second.child, 'exit')).to.deep.equal([0, null]);
    expect(pidsIn(first.text()).every(isAlive)).to.equal(true);
  });
});
