import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'mocha';

/** Each spec of a block begins with a folder of its own, which is removed once `over` has settled. */
export function eachInOwnFolder(begin: (home: string) => void, over: () => Promise<unknown>): void {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'busbar-journal-'));
    begin(home);
  });
  afterEach(async () => {
    await over();
    rmSync(home, { recursive: true, force: true });
  });
}
