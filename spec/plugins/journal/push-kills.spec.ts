import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { until } from '../../support/buses.ts';
import { Printer } from './printer.ts';
import { eachInOwnFolder } from './own-folder.ts';

describe('journal, kills while a server sends', () => {
  let home: string;
  const running: Printer[] = [];

  eachInOwnFolder(
    (made) => (home = made),
    () => Promise.all(running.splice(0).map((printer) => printer.kill())),
  );

  it('SIGKILL - of client and server in turn: what was acknowledged is heard, in order, and again only where it says so', async function () {
    this.timeout(60_000);
    const path = join(home, 'bus.sock');
    const begin = (role: string, ...args: string[]): Printer => {
      const printer = new Printer('push-process.js', role, path, join(home, role), ...args);
      running.push(printer);
      return printer;
    };
    const heard: string[] = [];
    const acknowledged: number[] = [];
    let server = begin('server', '1');
    let client = begin('client');
    const killServer = async (): Promise<void> => {
      for (const last of await server.kill()) {
        for (let number = Number(last) - 19; number <= Number(last); number++) acknowledged.push(number);
      }
    };
    for (let round = 0; round < 4; round++) {
      const [serverLines, clientLines] = [server.lines.length, client.lines.length];
      await until(() => server.lines.length > serverLines + 5 && client.lines.length > clientLines + 50);
      if (round % 2 === 0) {
        heard.push(...(await client.kill()));
        client = begin('client');
      } else {
        await killServer();
        server = begin('server', String((round + 1) * 1_000_000 + 1));
      }
    }
    await until(() => server.lines.length > 5);
    await killServer();
    server = begin('server', '0');
    const last = acknowledged.at(-1) ?? 0;
    await until(() => client.lines.some((line) => Number(line.split(' ')[0]) >= last));
    heard.push(...(await client.kill()));

    const names = new Map<string, number>();
    for (const line of heard) {
      const [number = '', id, sequence, how] = line.split(' ');
      const name = `${id} ${sequence}`;
      if (names.has(name)) expect([how, names.get(name)], line).to.deep.equal(['again', Number(number)]);
      names.set(name, Number(number));
    }
    const numbers = [...names.values()];
    expect(numbers).to.deep.equal([...new Set(numbers)].sort((a, b) => a - b));
    const missing = acknowledged.filter((number) => !numbers.includes(number));
    expect(missing).to.deep.equal([]);
    expect(acknowledged.length).to.be.greaterThan(300);
  });
});
