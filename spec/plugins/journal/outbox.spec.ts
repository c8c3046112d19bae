import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type BusError, Client, type DurableContext, Server } from '../../../lib/index.ts';
import { journal, type Outbox, outbox, type OutboxDatabase } from '../../../lib/plugins/journal/index.ts';
import { rejected, sleep, until } from '../../support/buses.ts';
import { drivers, type OpenDatabase } from './databases.ts';

interface Heard {
  readonly data: unknown;
  readonly context: DurableContext | undefined;
}

function quietly(work: () => unknown): void {
  try {
    work();
  } catch {
    // There is nothing to be done.
  }
}

function thrown(work: () => unknown): BusError {
  try {
    work();
  } catch (error) {
    return error as BusError;
  }
  throw new Error('Nothing was thrown');
}

for (const [driver, openDatabase] of drivers) {
  describe(`journal, transactional outbox in ${driver}`, () => {
    let home: string;
    let path: string;
    const open: { close(): unknown }[] = [];
    let errors: string[];

    beforeEach(() => {
      home = mkdtempSync(join(tmpdir(), 'busbar-outbox-'));
      path = join(home, 'bus.sock');
      errors = [];
    });
    afterEach(async () => {
      for (const one of open.splice(0).reverse()) await one.close();
      rmSync(home, { recursive: true, force: true });
    });

    function database(name = 'orders.db'): OpenDatabase {
      const opened = openDatabase(join(home, name));
      let isClosed = false;
      open.push({ close: () => isClosed || opened.close() });
      return Object.assign(Object.create(opened) as OpenDatabase, {
        exec: (sql: string) => opened.exec(sql),
        prepare: (sql: string) => opened.prepare(sql),
        close() {
          isClosed = true;
          opened.close();
        },
      });
    }

    function sender(from: OutboxDatabase): { readonly client: Client; readonly box: Outbox } {
      const client = new Client({ path, maxRetryTime: 100, retries: Number.POSITIVE_INFINITY });
      client.on('error', ({ code, message }) => code !== 'ERR_CONNECT' && errors.push(`${code} ${message}`));
      open.push(client);
      return { client, box: outbox(from, client) };
    }

    async function receiver(
      options: { readonly folder?: string; readonly maxMessageBytes?: number } = {},
    ): Promise<{ server: Server; heard: Heard[] }> {
      const { folder, ...others } = options;
      const kept = folder === undefined ? {} : { journal: journal(join(home, folder)) };
      const server = new Server({ path, ...kept, ...others });
      const heard: Heard[] = [];
      server.on('message', (data, _peer, context) => void heard.push({ data, context }));
      server.on('error', ({ code, message }) => errors.push(`${code} ${message}`));
      open.push(server);
      await server.start();
      return { server, heard };
    }

    const rowsOf = (from: OutboxDatabase): number => from.prepare('SELECT row FROM busbar_outbox').all().length;
    const dataOf = (heard: readonly Heard[]): unknown[] => heard.map(({ data }) => data);

    it('send - goes with the transaction that it is part of: after its commit, and never if it is rolled back', async () => {
      const orders = database();
      orders.exec('CREATE TABLE orders (name TEXT)');
      const { client, box } = sender(orders);
      const { heard } = await receiver({ folder: 'inbox' });
      await client.connect();
      orders.exec('BEGIN');
      orders.prepare('INSERT INTO orders VALUES (?)').run('a');
      box.send({ order: 'a' });
      await sleep(200);
      expect(heard).to.have.length(0);
      expect(rowsOf(orders)).to.equal(1);
      orders.exec('ROLLBACK');
      orders.exec('BEGIN');
      orders.prepare('INSERT INTO orders VALUES (?)').run('b');
      box.send({ order: 'b' });
      orders.exec('COMMIT');
      box.send('without a transaction');
      await until(() => heard.length === 2 && rowsOf(orders) === 0);
      expect(dataOf(heard)).to.deep.equal([{ order: 'b' }, 'without a transaction']);
      expect(heard.map(({ context }) => context?.sequence)).to.deep.equal([1, 2]);
      expect(new Set(heard.map(({ context }) => context?.journal)).size).to.equal(1);
      expect(errors).to.deep.equal([]);
    });

    it('restart - what was committed goes in the next process, in order, under its names, before anything new', async () => {
      const first = database();
      const one = sender(first);
      for (const order of ['a', 'b', 'c']) one.box.send(order);
      await one.box.close();
      expect(thrown(() => one.box.send('d')).code).to.equal('ERR_CLOSED');
      first.close();
      const second = database();
      const { heard } = await receiver({ folder: 'inbox' });
      const two = sender(second);
      two.box.send('d');
      await two.client.connect();
      await until(() => heard.length === 4 && rowsOf(second) === 0);
      expect(dataOf(heard)).to.deep.equal(['a', 'b', 'c', 'd']);
      expect(heard.map(({ context }) => context?.sequence)).to.deep.equal([1, 2, 3, 4]);
      expect(heard[2]?.context?.journal).to.not.equal(heard[3]?.context?.journal);
    });

    it('another handle, as another process has it - commits rows that are sent within moments; one of both sends', async () => {
      const { heard } = await receiver({ folder: 'inbox' });
      const one = sender(database());
      await one.client.connect();
      one.box.send('a');
      await until(() => heard.length === 1);
      const other = database();
      const two = sender(other);
      await two.client.connect();
      two.box.send('b');
      await until(() => heard.length === 2);
      // Whoever is left sends what comes then.
      await one.box.close();
      two.box.send('c');
      await until(() => heard.length === 3 && rowsOf(other) === 0);
      expect(dataOf(heard)).to.deep.equal(['a', 'b', 'c']);
      expect(errors).to.deep.equal([]);
    });

    it('a copy of the database - sends under a name of its own what is new in it', async () => {
      const { heard } = await receiver({ folder: 'inbox' });
      const orders = database();
      const one = sender(orders);
      one.box.send('a');
      await one.box.close();
      orders.close();
      cpSync(join(home, 'orders.db'), join(home, 'copy.db'));
      for (const [name, text] of [
        ['orders.db', 'b'],
        ['copy.db', 'c'],
      ] as const) {
        const again = database(name);
        const { client, box } = sender(again);
        box.send(text);
        await client.connect();
        await until(() => rowsOf(again) === 0);
        await box.close();
        await client.close();
        again.close();
      }
      await until(() => heard.length >= 3);
      // Both have "a" as one and the same row.
      expect(dataOf(heard)).to.deep.equal(['a', 'b', 'c']);
    });

    it('a server without a journal - has each message at least once, and rows go when it has handled them', async () => {
      const orders = database();
      const { client, box } = sender(orders);
      const { heard } = await receiver();
      await client.connect();
      orders.exec('BEGIN');
      for (let order = 1; order <= 200; order++) box.send(order);
      orders.exec('COMMIT');
      await until(() => rowsOf(orders) === 0);
      expect(dataOf(heard)).to.deep.equal(Array.from({ length: 200 }, (_, index) => index + 1));
    });

    for (const folder of ['inbox', undefined]) {
      it(`a message that is too large for a server ${folder === undefined ? 'without' : 'with'} a journal - becomes a dead letter, and what is behind it passes`, async () => {
        const orders = database();
        const { client, box } = sender(orders);
        const { heard } = await receiver({ ...(folder === undefined ? {} : { folder }), maxMessageBytes: 70_000 });
        await client.connect();
        const large = 'x'.repeat(80_000);
        for (const text of ['a', large, 'b']) box.send(text);
        await until(() => heard.length === 2 && rowsOf(orders) === 1);
        expect(dataOf(heard)).to.deep.equal(['a', 'b']);
        expect(errors).to.have.length(1);
        const [letter] = await box.deadLetters.list();
        expect([letter?.data, letter?.error.code]).to.deep.equal([large, 'ERR_TOO_LARGE']);
        await box.deadLetters.retry(letter?.id ?? '');
        await until(async () => errors.length === 2 && (await box.deadLetters.list()).length === 1);
        const [again] = await box.deadLetters.list();
        expect(again?.id).to.not.equal(letter?.id);
        await box.deadLetters.discard(again?.id ?? '');
        expect(rowsOf(orders)).to.equal(0);
        expect((await rejected(box.deadLetters.discard(again?.id ?? ''))).code).to.equal('ERR_INVALID_ARGUMENT');
      });
    }

    it('death - at each call of the database: a consumer with a journal has every committed message, once and in order', async function () {
      this.timeout(60_000);
      const { server, heard } = await receiver({ folder: 'inbox' });
      const committed: string[] = [];
      const { pid } = spawnSync(process.execPath, ['--version']);
      const gone = JSON.stringify({ host: hostname(), pid, token: '' });
      let isThrough = false;
      for (let step = 1; !isThrough; step += 1) {
        const file = openDatabase(join(home, 'orders.db'));
        let calls = 0;
        const isDead = (): boolean => calls > step;
        /** From that call on the process is gone, which the database sees as a handle that is closed. */
        const call = <T>(work: () => T): T => {
          calls += 1;
          if (isDead()) throw new Error('gone');
          return work();
        };
        const mortal: OutboxDatabase = {
          exec: (sql) => call(() => file.exec(sql)),
          prepare(sql) {
            const statement = file.prepare(sql);
            return {
              run: (...values) => call(() => statement.run(...values)),
              all: (...values) => call(() => statement.all(...values)),
            };
          },
        };
        const client = new Client({ path });
        client.on('error', () => {});
        try {
          const box = outbox(mortal, client);
          await client.connect();
          // What dead ones left is to become less again.
          for (const order of rowsOf(file) < 4 ? [`${step} a`, `${step} b`] : []) {
            mortal.exec('BEGIN');
            box.send(order);
            mortal.exec('COMMIT');
            committed.push(order);
          }
          await until(() => isDead() || rowsOf(file) === 0);
          isThrough = !isDead();
        } catch (error) {
          if (!isDead()) throw error;
        }
        client.destroy();
        await until(() => server.connections.length === 0);
        // As the system does for a process that is gone, where a transaction was open.
        quietly(() => file.exec('ROLLBACK'));
        quietly(() => file.prepare('UPDATE busbar_outbox_relay SET owner = ? WHERE owner IS NOT NULL').run(gone));
        file.close();
      }
      expect(committed.length).to.be.greaterThan(10);
      const last = database();
      await sender(last).client.connect();
      await until(() => rowsOf(last) === 0 && heard.length >= committed.length);
      expect(dataOf(heard)).to.deep.equal(committed);
    });

    it('misuse - is told apart', async () => {
      const orders = database();
      const client = new Client({ path, journal: journal(join(home, 'outbox')) });
      open.push(client);
      expect(thrown(() => outbox(orders, client)).code).to.equal('ERR_PLUGIN');
      expect(thrown(() => outbox({} as OutboxDatabase, new Client({ path }))).code).to.equal('ERR_INVALID_ARGUMENT');
      orders.exec('BEGIN');
      expect(() => sender(orders)).to.throw(/within a transaction/);
      orders.exec('ROLLBACK');
      const { box } = sender(orders);
      expect(thrown(() => box.send(Symbol('a'))).code).to.equal('ERR_UNENCODABLE');
      orders.close();
      expect(() => box.send('a')).to.throw(Error);
    });
  });
}
