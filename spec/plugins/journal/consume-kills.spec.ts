import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { until } from '../../support/buses.ts';
import { Printer } from './printer.ts';
import { eachInOwnFolder } from './own-folder.ts';

/** What a consumer committed: the number of an order of a key, by the name of the message. */
interface Commit {
  readonly name: string;
  readonly key: number;
  readonly number: number;
}

describe('journal, kills of consumers', () => {
  let home: string;
  const running: Printer[] = [];

  eachInOwnFolder(
    (made) => (home = made),
    () => Promise.all(running.splice(0).map((printer) => printer.kill())),
  );

  const begin = (role: string, folder: string, last: string): Printer => {
    const printer = new Printer('consume-process.js', role, join(home, 'bus.sock'), join(home, folder), last);
    running.push(printer);
    return printer;
  };
  const file = (): string => join(home, 'commits');
  const commits = (): Commit[] => {
    const lines = readFileSync(file(), 'latin1').split('\n').slice(0, -1);
    return lines.map((line) => {
      const [name = '', key, number] = line.split(' ');
      return { name, key: Number(key), number: Number(number) };
    });
  };

  it('SIGKILL - of both ends in turn: a consumer that commits does nothing twice, misses nothing, and keeps the order of each key', async function () {
    this.timeout(60_000);
    const printed: string[] = [];
    let consumer = begin('consumer', 'inbox', file());
    const consumerAgain = async (): Promise<void> => {
      printed.push(...(await consumer.kill()));
      consumer = begin('consumer', 'inbox', file());
    };
    let sender = begin('sender', 'outbox', '1');
    const lastOf = ({ lines }: Printer): number => Number(lines.at(-1) ?? 0);
    const lives: number[] = [];
    for (let round = 0; round < 3; round++) {
      // Number 20 of the first life ends the consumer, each time it has it; that counts as an attempt.
      const isThrough = (): boolean => consumer.lines.some((line) => Number(line.split(' ')[2]) % 1_000 > 30);
      await until(async () => {
        if (consumer.isOver) await consumerAgain();
        return lastOf(sender) % 1_000 > 30 && isThrough();
      });
      if (round % 2 === 0) {
        await consumerAgain();
      } else {
        lives.push(Number((await sender.kill()).at(-1)));
        sender = begin('sender', 'outbox', String((round + 1) * 1_000 + 1));
      }
    }
    await until(() => lastOf(sender) > 2_000);
    const acknowledged = Number((await sender.kill()).at(-1));
    lives.push(acknowledged);
    begin('sender', 'outbox', '9001');
    await until(async () => {
      if (consumer.isOver) await consumerAgain();
      return [0, 1, 2, 3, 4].every((key) => commits().some((commit) => commit.key === key && commit.number > 9_000));
    });
    printed.push(...(await consumer.kill()));

    const all = commits();
    expect(new Set(all.map(({ name }) => name)).size, 'committed twice').to.equal(all.length);
    // What ended the process with others in hand ended it alone from then on, so that no other died of it.
    const dead = printed.filter((line) => line.startsWith('dead '));
    expect(dead).to.have.length(1);
    for (const line of dead) expect(line).to.match(/^dead 4 true /);
    for (const key of [0, 1, 2, 3, 4]) {
      const numbers = all.filter((commit) => commit.key === key).map(({ number }) => number);
      expect(numbers, `order of ${key}`).to.deep.equal([...numbers].sort((a, b) => a - b));
      const had = new Set(numbers);
      expect(had.size).to.equal(numbers.length);
      for (const last of lives) {
        for (let number = Math.floor(last / 1_000) * 1_000 + 1; number <= last; number++) {
          const isMissing = key === 4 && number === 20;
          expect(had.has(number) || isMissing, `${key} ${number} is lost`).to.equal(true);
        }
      }
    }
    // What was committed and not known to be done came again, and said so.
    for (const line of printed.filter((text) => text.startsWith('known')))
      expect(line.endsWith('again')).to.equal(true);
  });
});
