import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { eachInOwnFolder } from './own-folder.ts';
import { Printer } from './printer.ts';

describe('journal, calls with a deadline', () => {
  let home: string;
  const running: Printer[] = [];

  eachInOwnFolder(
    (made) => (home = made),
    () => Promise.all(running.splice(0).map((printer) => printer.kill())),
  );

  it('keep the process alive until they settle, and say what was missing', async () => {
    const ended = async (what: string): Promise<string> => {
      const printer = new Printer('awaiting-process.js', what, join(home, `${what}.sock`), join(home, what));
      running.push(printer);
      await printer.closed;
      return `${printer.child.exitCode} ${printer.lines.join()}`;
    };
    const [confirm, signal, full, request] = await Promise.all(['confirm', 'signal', 'full', 'request'].map(ended));
    expect(confirm)
      .to.match(/^0 ERR_TIMEOUT: /)
      .and.to.include('there is no link to it');
    expect(signal).to.match(/^0 ERR_ABORTED: /);
    expect(full).to.match(/^0 ERR_TIMEOUT: The journal had no room/);
    expect(request).to.match(/^0 ERR_TIMEOUT: /);
  });
});
