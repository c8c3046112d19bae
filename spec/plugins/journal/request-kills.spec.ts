import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { until } from '../../support/buses.ts';
import { Printer } from './printer.ts';
import { eachInOwnFolder } from './own-folder.ts';

describe('journal, kills of who asks and who answers', () => {
  let home: string;
  const running: Printer[] = [];

  eachInOwnFolder(
    (made) => (home = made),
    () => Promise.all(running.splice(0).map((printer) => printer.kill())),
  );

  it('SIGKILL - of both in turn: each request has its own answer, each charge is made once, and a handler that had it before is told', async function () {
    this.timeout(60_000);
    const begin = (role: string, folder: string, last: string): Printer => {
      const printer = new Printer('request-process.js', role, join(home, 'bus.sock'), join(home, folder), last);
      running.push(printer);
      return printer;
    };
    const file = join(home, 'charges');
    const printed: string[] = [];
    const answers: string[] = [];
    let server = begin('charger', 'inbox', file);
    let asker = begin('asker', 'outbox', '1');
    for (let round = 0; round < 4; round++) {
      const [asked, done] = [asker.lines.length, server.lines.length];
      await until(() => asker.lines.length > asked + 10 && server.lines.length > done + 10);
      if (round % 2 === 0) {
        printed.push(...(await server.kill()));
        server = begin('charger', 'inbox', file);
      } else {
        // The next one asks again for what may have been answered, and for what was not.
        answers.push(...(await asker.kill()));
        asker = begin('asker', 'outbox', answers.at(-1)?.split(' ')[0] ?? '1');
      }
    }
    await until(() => asker.lines.length > 10);
    answers.push(...(await asker.kill()));
    printed.push(...(await server.kill()));

    for (const answer of answers) {
      const [number] = answer.split(' ');
      expect(answer).to.equal(`${number} charged ${number}`);
    }
    const numbers = [...new Set(answers.map((answer) => Number(answer.split(' ')[0])))];
    expect(numbers).to.deep.equal(Array.from(numbers, (_, index) => index + 1));
    const charges = readFileSync(file, 'latin1').split('\n').slice(0, -1);
    expect(new Set(charges).size).to.equal(charges.length);
    for (const number of numbers) expect(charges).to.include(`charge ${number}`);
    for (const line of printed) expect(line).to.be.oneOf(['done', 'known again']);
  });
});
