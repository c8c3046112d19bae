import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Log, type LogFiles } from '../../../lib/plugins/journal/index.ts';
import { systemFiles } from '../../../lib/plugins/journal/log/files.ts';
import { rejected } from '../../support/buses.ts';

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
  let folder: string;
  let opened: Log[];
  let refused: string[];
  const lock = (): string => join(folder, 'lock');

  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'busbar-lock-')), 'log');
    mkdirSync(folder);
    opened = [];
    refused = [];
    // Of a process that ended without letting go of it.
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(lock(), JSON.stringify({ host: hostname(), pid, token: 'gone' }));
  });
  afterEach(async () => {
    for (const log of opened) await log.close();
    rmSync(join(folder, '..'), { recursive: true, force: true });
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
});
