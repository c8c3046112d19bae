import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Log } from '../../../lib/plugins/journal/index.ts';
import { rejected } from '../../support/buses.ts';

const program = fileURLToPath(new URL('log-writer.js', import.meta.url));

describe('journal, kills', () => {
  it('SIGKILL - of six writers one after the other: what each acknowledged is there, and the folder is free', async function () {
    this.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), 'busbar-log-'));
    try {
      let least = 0;
      for (let round = 0; round < 6; round++) {
        const writer = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
        let text = '';
        const enough = new Promise<void>((resolve) => {
          writer.stdout.setEncoding('latin1').on('data', (chunk: string) => {
            text += chunk;
            if (text.length > 500 * (round + 1)) resolve();
          });
        });
        await enough;
        expect((await rejected(Log.open(folder))).code).to.equal('ERR_JOURNAL_IN_USE');
        writer.kill('SIGKILL');
        await once(writer, 'close');
        const acknowledged = Number(text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1));
        expect(acknowledged).to.be.greaterThan(least);
        let last = 0;
        const visit = (sequence: number, bytes: Uint8Array, start: number, end: number): void => {
          const expected = `${sequence} ${'x'.repeat(sequence % 300)}`;
          expect(Buffer.from(bytes.subarray(start, end)).toString()).to.equal(expected);
          if (last !== 0) expect(sequence).to.equal(last + 1);
          last = sequence;
        };
        const log = await Log.open(folder, {}, { visit });
        expect(last).to.be.at.least(acknowledged);
        for (const { details } of log.damages) expect(details).to.have.property('torn', true);
        await log.close();
        least = last;
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
