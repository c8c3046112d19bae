import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Log } from 'busbar/journal';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { systemFiles } from '../../../lib/plugins/journal/log/files.ts';
import { viewFolder } from '../../../lib/plugins/journal/log/folder-view.ts';

describe('journal: what is no file in its folder', () => {
  let folder: string;
  let precious: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'strange-'));
    precious = join(folder, 'precious');
    writeFileSync(precious, 'of somebody else');
    const log = await Log.open(join(folder, 'log'));
    log.append(Buffer.from('one'));
    await log.close();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const kinds: Record<string, (path: string) => void> = {
    pipe: (path) => execFileSync('mkfifo', [path]),
    folder: (path) => mkdirSync(path),
    'link to a file': (path) => symlinkSync(precious, path),
    'link to nothing': (path) => symlinkSync('/nowhere/at/all', path),
  };

  async function outcome(work: Promise<unknown>): Promise<string> {
    return work.then(
      () => 'fine',
      (error: { code?: string }) => error.code ?? 'no code',
    );
  }

  for (const [kind, make] of Object.entries(kinds)) {
    it(`a ${kind} for a segment - is not opened, in either way, and nothing else is changed`, async function () {
      if (process.platform === 'win32') this.skip();
      make(join(folder, 'log', '0000000000000009.log'));
      expect(await outcome(Log.open(join(folder, 'log')))).to.equal('ERR_JOURNAL');
      const viewed = await outcome(viewFolder(systemFiles, join(folder, 'log'), () => () => {}));
      expect(viewed).to.be.oneOf(['EINVAL', 'ELOOP']);
      expect(readFileSync(precious, 'utf8')).to.equal('of somebody else');
    });

    it(`a ${kind} for the lock - is refused and left`, async function () {
      if (process.platform === 'win32') this.skip();
      make(join(folder, 'log', 'lock'));
      expect(await outcome(Log.open(join(folder, 'log')))).to.equal('ERR_JOURNAL');
      expect(readFileSync(precious, 'utf8')).to.equal('of somebody else');
    });

    it(`a ${kind} where it says that it leaves - does not keep it from releasing the folder`, async function () {
      if (process.platform === 'win32') this.skip();
      make(join(folder, 'log', 'leaving'));
      const log = await Log.open(join(folder, 'log'));
      log.leave();
      await log.close();
      await (await Log.open(join(folder, 'log'))).close();
      expect(readFileSync(precious, 'utf8')).to.equal('of somebody else');
    });
  }

  it('a lock of any length - is read in part, and nobody has it', async () => {
    writeFileSync(join(folder, 'log', 'lock'), Buffer.alloc(1_000_000, '{'));
    await (await Log.open(join(folder, 'log'))).close();
  });
});
