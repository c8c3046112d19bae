import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, Server } from '../../../lib/index.ts';
import { journal, outbox } from '../../../lib/plugins/journal/index.ts';
import { until } from '../../support/buses.ts';
import { drivers, otherForms } from './databases.ts';

describe('journal, transactional outbox, rows', () => {
  it('openings - of a database that many processes wrote to are sent in order, however many wait', async () => {
    const home = mkdtempSync(join(tmpdir(), 'busbar-outbox-'));
    const path = join(home, 'bus.sock');
    const [, open] = drivers[0] as (typeof drivers)[number];
    const database = open(join(home, 'orders.db'));
    for (let number = 0; number < 300; number++) {
      const box = outbox(database, new Client({ path }));
      box.send(number);
      await box.close();
    }
    const server = new Server({ path, journal: journal(join(home, 'inbox')) });
    const heard: unknown[] = [];
    server.on('message', (data) => void heard.push(data));
    await server.start();
    const client = new Client({ path });
    try {
      outbox(database, client);
      await client.connect();
      await until(() => heard.length === 300);
      expect(heard).to.deep.equal(Array.from({ length: 300 }, (_, number) => number));
    } finally {
      await Promise.all([client.close(), server.close()]);
      database.close();
      rmSync(home, { recursive: true, force: true });
    }
  });

  for (const [form, open] of otherForms) {
    it(`${form} - has messages sent, rows removed, and dead letters, over restarts`, async () => {
      const home = mkdtempSync(join(tmpdir(), 'busbar-outbox-'));
      const path = join(home, 'bus.sock');
      const database = open(join(home, 'orders.db'));
      const server = new Server({ path, journal: journal(join(home, 'inbox')), maxMessageBytes: 70_000 });
      const heard: unknown[] = [];
      server.on('message', (data, _connection, context) => void heard.push([data, context?.sequence]));
      await server.start();
      let client = new Client({ path });
      try {
        client.on('error', () => {});
        let box = outbox(database, client);
        const large = 'x'.repeat(80_000);
        box.send('before');
        await client.connect();
        box.send(large);
        box.send('behind');
        await until(() => heard.length === 2);
        await until(async () => (await box.deadLetters.list()).length === 1);
        expect(heard).to.deep.equal([
          ['before', 1],
          ['behind', 3],
        ]);
        await box.close();
        await client.close();

        client = new Client({ path });
        client.on('error', () => {});
        box = outbox(database, client);
        await client.connect();
        const [letter] = await box.deadLetters.list();
        expect([letter?.data, letter?.error.code]).to.deep.equal([large, 'ERR_TOO_LARGE']);
        await box.deadLetters.retry(letter?.id ?? '');
        await until(async () => (await box.deadLetters.list()).every(({ id }) => id !== letter?.id));
        await until(async () => (await box.deadLetters.list()).length === 1);
        await box.deadLetters.discard((await box.deadLetters.list())[0]?.id ?? '');
        box.send('new');
        await until(() => heard.length === 3 && database.prepare('SELECT row FROM busbar_outbox').all().length === 0);
        expect(heard[2]).to.deep.equal(['new', 5]);
        await box.close();
      } finally {
        await Promise.all([client.close(), server.close()]);
        database.close();
        rmSync(home, { recursive: true, force: true });
      }
    });
  }
});
