import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type BusError, Client, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';
import { Printer } from './printer.ts';

describe('journal, what ends the process that handles it', () => {
  const at = ownPlace();

  it('requests and messages - spoil none of the others, of either kind', async function () {
    this.timeout(60_000);
    const file = join(at.home, 'handled');
    const client = new Client({
      path: at.path,
      journal: journal(join(at.home, 'outbox')),
      maxRetryTime: 100,
      retries: 1e9,
    });
    client.on('error', () => {});
    at.open.push(client);
    const names = Array.from({ length: 12 }, (_, number) => `${number}`);
    const sent = names.map((name) => client.send({ name: `m${name}`, isDeadly: name === '5' }, { durable: true }));
    const answers = Promise.all(
      names.map((name) =>
        client
          .request({ name: `r${name}`, isDeadly: name === '5' }, { durable: true, key: name, timeout: 0 })
          .catch((error: unknown) => (error as BusError).code),
      ),
    );
    await Promise.all(sent);
    let server: Printer | undefined;
    const starting = async (): Promise<void> => {
      server = new Printer('deadly-process.js', at.path, join(at.home, 'inbox'), file);
      await server.closed;
    };
    at.open.push({ close: async () => void (await server?.kill()) });
    let isOver = false;
    const restarting = (async (): Promise<void> => {
      while (!isOver) await starting();
    })();
    void client.connect();
    const found = await answers;
    await until(async () => (await client.backlog()).messages === 0);
    const isHandled = (): boolean => names.every((name) => readFileSync(file, 'latin1').includes(`m${name}\n`));
    await until(isHandled);
    isOver = true;
    await server?.kill();
    await restarting;
    expect(found).to.deep.equal(names.map((name) => (name === '5' ? 'ERR_REMOTE' : `r${name} done`)));

    const last = new Server({ path: at.path, journal: journal(join(at.home, 'inbox')) });
    at.open.push(last);
    const heard: unknown[] = [];
    last.consume((data) => void heard.push(data));
    await last.start();
    await until(async () => (await last.deadLetters.list()).length === 1);
    expect((await last.deadLetters.list()).map(({ data }) => (data as { name: string }).name)).to.deep.equal(['m5']);
  });
});
