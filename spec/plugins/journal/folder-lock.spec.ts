import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Log, type LogFiles } from '../../../lib/plugins/journal/index.ts';
import { linuxProcesses } from '../../../lib/base/process-table.ts';
import { systemFiles } from '../../../lib/plugins/journal/log/files.ts';
import { rejected, sleep } from '../../support/buses.ts';

/** The calls of one of several owners, each of which may have others do something before it or after it. */
function filesWith(steps: {
  readonly before?: (call: keyof LogFiles, path: string) => Promise<void>;
  readonly after?: (call: keyof LogFiles, path: string) => Promise<void>;
}): LogFiles {
  return new Proxy(systemFiles, {
    get: (target, name) => {
      const call = name as keyof LogFiles;
      const work = target[call] as (...given: unknown[]) => Promise<unknown>;
      return async (...given: unknown[]) => {
        await steps.before?.(call, String(given[0]));
        const result = await work(...given);
        await steps.after?.(call, String(given[0]));
        return result;
      };
    },
  });
}

describe('journal, lock of a folder', () => {
  let home: string;
  let folder: string;
  let opened: Log[];
  let refused: string[];
  const lock = (): string => join(folder, 'lock');

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'busbar-lock-'));
    folder = join(home, 'log');
    mkdirSync(folder);
    opened = [];
    refused = [];
    // Of a process that ended without letting go of it.
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(lock(), JSON.stringify({ host: hostname(), pid, token: 'gone' }));
  });
  afterEach(async () => {
    for (const log of opened) await log.close();
    rmSync(home, { recursive: true, force: true });
  });

  async function open(files: LogFiles = systemFiles): Promise<void> {
    try {
      opened.push(await Log.open(folder, { files }));
    } catch (error) {
      refused.push((error as { code: string }).code);
    }
  }

  it('one of a dead process - goes to one of three, whatever the others do meanwhile', async () => {
    let isFirst = true;
    await open(
      filesWith({
        // What it has read is another's when it goes on, and a third one comes while it does.
        after: async (call, path) => {
          if (call === 'text' && path === lock() && isFirst) {
            isFirst = false;
            await open();
          } else if (path === lock() && call !== 'text' && call !== 'claim') {
            await open();
          }
        },
      }),
    );
    await open();
    expect(opened).to.have.length(1);
    expect(refused).to.include('ERR_JOURNAL_IN_USE').and.to.have.length.above(1);
    const owner = readFileSync(lock(), 'utf8');
    await opened[0]?.close();
    expect(owner).to.include(String(process.pid));
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('one of a dead process - is not taken while another one removes it, and is when that one has died at it', async () => {
    let isRemoved = false;
    await open(
      filesWith({
        before: async (call, path) => {
          if (call !== 'remove' || path !== lock() || isRemoved) return;
          isRemoved = true;
          await open();
        },
      }),
    );
    expect(refused).to.deep.equal(['ERR_JOURNAL_IN_USE']);
    expect(opened).to.have.length(1);
    await opened.pop()?.close();
    // The same again, where one dies that has not removed it.
    const dead = JSON.stringify({ host: hostname(), pid: spawnSync(process.execPath, ['--version']).pid, token: 'a' });
    writeFileSync(lock(), dead);
    const failing = filesWith({
      before: async (call, path) => {
        if (call === 'remove' && path === lock()) throw new Error('no');
        if (call === 'remove' && path.startsWith(`${lock()}.`)) throw new Error('not this either');
      },
    });
    expect((await rejected(Log.open(folder, { files: failing }))).code).to.equal('ERR_JOURNAL');
    const [right = ''] = readdirSync(folder).filter((name) => name.startsWith('lock.'));
    expect((await rejected(Log.open(folder))).code).to.equal('ERR_JOURNAL_IN_USE');
    writeFileSync(join(folder, right), dead.replace('"a"', '"b"'));
    await open();
    expect(opened).to.have.length(1);
    await opened.pop()?.close();
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it('one from before the last start of the machine, of a container of another name - is taken over on a disk of the machine alone', async () => {
    const place = linuxProcesses.own()?.place ?? '';
    const socket = `lock.${'x'.repeat(22)}.live`;
    const left = (own: object): void => {
      const owner = { host: 'c0ffee', pid: 1, start: 66_248, token: 'x'.repeat(22), ...own };
      writeFileSync(lock(), JSON.stringify(owner));
    };
    const before = `7ed72cb5-0000-4000-8000-000000000000 ${place.split(' ').slice(1).join(' ')}`;
    const inside = before.replace(/pid:\[\d+\]/, 'pid:[4026532999]');
    const outside = before.replace(/pid:\[\d+\]/, 'pid:[4026531836]');
    // Its folder may be one of several machines.
    left({ place: inside, socket });
    await open({ ...systemFiles, isLocal: async () => false });
    await open({ ...systemFiles, isLocal: async () => true, isPresent: async () => true });
    // What a container says of the start of its machine need not be so.
    left({ place: inside });
    await open({ ...systemFiles, isLocal: async () => true });
    expect(refused).to.deep.equal(['ERR_JOURNAL_IN_USE', 'ERR_JOURNAL_IN_USE', 'ERR_JOURNAL_IN_USE']);
    expect(opened).to.have.length(0);

    left({ place: inside, socket });
    await open({ ...systemFiles, isLocal: async () => true });
    expect(opened).to.have.length(1);
    await opened.pop()?.close();
    left({ place: outside });
    await open({ ...systemFiles, isLocal: async () => true });
    // Where this process is in a container itself, it cannot tell.
    expect(opened).to.have.length(place.includes('pid:[4026531836]') ? 1 : 0);
  });

  it('a disk of this machine - is told from others by the system', async () => {
    expect(await systemFiles.isLocal?.(folder)).to.be.a('boolean');
    if (process.platform === 'linux') expect(await systemFiles.isLocal?.('/proc')).to.equal(false);
  });

  /** A process that is the first one of a namespace of pids of its own, as in a container, and has the folder. */
  const contained = ['--pid', '--fork', '--mount-proc', '--kill-child'];
  const hasNamespaces = spawnSync('unshare', [...contained, 'true']).status === 0;
  const library = new URL('../../../lib/plugins/journal/index.js', import.meta.url).href;
  const program = (path: string): string =>
    `const { Log } = await import(${JSON.stringify(library)}); await Log.open(${JSON.stringify(path)}); console.log('open');` +
    'setInterval(() => {}, 1_000);';

  for (const name of ['short', `long-${'x'.repeat(120)}`]) {
    (hasNamespaces ? it : it.skip)(
      `one of a container, ${name.slice(0, 5)} path - is kept while its process lives, and taken over when that was killed`,
      async function () {
        this.timeout(60_000);
        folder = join(folder, name);
        const args = [...contained, process.execPath, '--input-type=module', '-e', program(folder)];
        const owner = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] });
        try {
          await once(owner.stdout, 'data');
          expect(JSON.parse(readFileSync(lock(), 'utf8'))).to.include({ pid: 1 });
          const { token } = JSON.parse(readFileSync(lock(), 'utf8')) as { token: string };
          expect(readdirSync(folder)).to.have.members(['lock', `lock.${token}.live`]);
          expect((await rejected(Log.open(folder))).code).to.equal('ERR_JOURNAL_IN_USE');
        } finally {
          owner.kill('SIGKILL');
          await once(owner, 'exit');
        }
        // What it was the first process of goes with it, a moment later.
        for (let attempt = 0; attempt < 500 && opened.length === 0; attempt++) {
          await open();
          if (opened.length === 0) await sleep(20);
        }
        expect(opened).to.have.length(1);
        await opened.pop()?.close();
        expect(readdirSync(folder)).to.deep.equal([]);
      },
    );
  }
});
