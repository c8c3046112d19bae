import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { until } from '../../support/buses.ts';
import { Printer } from './printer.ts';
import { eachInOwnFolder } from './own-folder.ts';

describe('journal, kills of both ends', () => {
  let home: string;
  const running: Printer[] = [];

  eachInOwnFolder(
    (made) => (home = made),
    () => Promise.all(running.splice(0).map((printer) => printer.kill())),
  );

  it('SIGKILL - of sender and receiver in turn: what was acknowledged is heard, in order, and again only where it says so', async function () {
    this.timeout(60_000);
    const path = join(home, 'bus.sock');
    const begin = (...args: string[]): Printer => {
      const printer = new Printer('durable-process.js', ...args);
      running.push(printer);
      return printer;
    };
    const heard: string[] = [];
    let receiver = begin('receiver', path, join(home, 'inbox'));
    let from = 1;
    let sender = begin('sender', path, join(home, 'outbox'), '1');
    for (let round = 0; round < 4; round++) {
      const [senderLines, receiverLines] = [sender.lines.length, receiver.lines.length];
      await until(() => sender.lines.length > senderLines + 5 && receiver.lines.length > receiverLines + 50);
      if (round % 2 === 0) {
        heard.push(...(await receiver.kill()));
        receiver = begin('receiver', path, join(home, 'inbox'));
      } else {
        from = Number((await sender.kill()).at(-1)) + 1_000_000;
        sender = begin('sender', path, join(home, 'outbox'), String(from));
      }
    }
    await until(() => sender.lines.length > 5);
    const acknowledged = Number((await sender.kill()).at(-1));
    begin('sender', path, join(home, 'outbox'), '0');
    await until(() => receiver.lines.some((line) => Number(line.split(' ')[0]) >= acknowledged));
    heard.push(...(await receiver.kill()));

    const names = new Map<string, number>();
    const numbers: number[] = [];
    for (const line of heard) {
      const [number = '', id, sequence, how] = line.split(' ');
      const name = `${id} ${sequence}`;
      if (names.has(name)) {
        expect(how, `${line} comes a second time`).to.equal('again');
        expect(names.get(name)).to.equal(Number(number));
        continue;
      }
      names.set(name, Number(number));
      numbers.push(Number(number));
    }
    // Each life of the sender counts on from its own first number, and nothing is missing in between.
    const firsts = numbers.filter((number, index) => index === 0 || number !== (numbers[index - 1] ?? 0) + 1);
    expect(firsts).to.have.length(3);
    for (const first of firsts) expect(first % 1_000_000 === 1 || first > 1_000_000).to.equal(true);
    expect(numbers).to.deep.equal([...numbers].sort((a, b) => a - b));
    expect(numbers.at(-1)).to.be.at.least(acknowledged);
    expect(numbers.at(-1)).to.be.greaterThan(from);
  });
});
