import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { BusError, Client, type ConsumeSettings, type DeadLetter, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { until } from '../../support/buses.ts';

describe('journal, why messages fail', () => {
  let home: string;
  let server: Server;
  let client: Client;
  let dead: DeadLetter[];
  let reported: string[];

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'busbar-journal-'));
    const path = join(home, 'bus.sock');
    server = new Server({ path, journal: journal(join(home, 'inbox')) });
    client = new Client({ path, journal: journal(join(home, 'outbox')) });
    dead = [];
    reported = [];
    server.on('deadLetter', (letter) => void dead.push(letter));
    server.on('error', ({ code }) => void reported.push(code));
    await server.start();
    await client.connect();
  });
  afterEach(async () => {
    await Promise.all([client.close(), server.close()]);
    rmSync(home, { recursive: true, force: true });
  });

  async function reasonsFor(cases: readonly unknown[]): Promise<(readonly [code: string, message: string])[]> {
    await Promise.all(cases.map((_, number) => client.send(number, { durable: true })));
    await until(() => dead.length === cases.length);
    const reasons = dead.map(({ error: { code, message } }) => [code, message] as const);
    // What stands in the folder is the same.
    const listed = await server.deadLetters.list();
    expect(listed.map(({ error: { code, message } }) => [code, message])).to.deep.equal(reasons);
    return reasons;
  }

  it('handlers - leave the code and the message of what they threw', async () => {
    const thrown: readonly unknown[] = [
      Object.assign(new Error('none left'), { code: 'NO_STOCK' }),
      new BusError('ERR_TIMEOUT', 'too slow'),
      { code: 'BARE', message: 'no instance of Error' },
      new Error('no code'),
      Object.assign(new Error('a number'), { code: 7 }),
      'text',
      undefined,
      Object.assign(new Error('long'.repeat(1_000)), { code: 'LONG'.repeat(1_000) }),
    ];
    const handler = async (number: unknown): Promise<void> => {
      throw thrown[Number(number)];
    };
    server.consume(handler, { maxAttempts: 1 });
    expect(await reasonsFor(thrown)).to.deep.equal([
      ['NO_STOCK', 'none left'],
      ['ERR_TIMEOUT', 'too slow'],
      ['BARE', 'no instance of Error'],
      ['ERR_LISTENER', 'no code'],
      ['ERR_LISTENER', 'a number'],
      ['ERR_LISTENER', 'text'],
      ['ERR_LISTENER', 'undefined'],
      ['LONG'.repeat(25), 'long'.repeat(250)],
    ]);
    expect(reported).to.have.length(thrown.length);
  });

  it('keys - that throw, or are like no other, are no order that is lost without a word', async () => {
    const keys: readonly (() => unknown)[] = [
      () => {
        throw Object.assign(new Error('no customer'), { code: 'NO_CUSTOMER' });
      },
      async () => 'same',
      async () => {
        throw new Error('nobody is to learn of it so');
      },
      () => ['a', 'b'],
      () => ({}),
      () => () => 'same',
    ];
    const key = ((number: number) => keys[number]?.()) as ConsumeSettings['key'];
    server.consume(() => {}, { key, concurrency: 4 });
    const text = 'The key of a message is a string, a number or another primitive value';
    const [first, ...others] = await reasonsFor(keys);
    expect(first).to.deep.equal(['NO_CUSTOMER', 'no customer']);
    expect(others).to.deep.equal(Array.from({ length: 5 }, () => ['ERR_INVALID_ARGUMENT', text]));
    expect(dead.map(({ attempts }) => attempts)).to.deep.equal([0, 0, 0, 0, 0, 0]);
  });

  it('keys - that are primitive each have their own order', async () => {
    const keys = ['a', 1, 1n, true, null, undefined, Symbol.for('a'), Number.NaN];
    let running = 0;
    let most = 0;
    let done = 0;
    const handler = async (): Promise<void> => {
      most = Math.max(most, (running += 1));
      await until(() => most === keys.length);
      running -= 1;
      done += 1;
    };
    server.consume(handler, { key: (number) => keys[Number(number) % keys.length], concurrency: 16 });
    await Promise.all([...keys, ...keys].map((_, number) => client.send(number, { durable: true })));
    await until(() => done === 2 * keys.length);
    expect(most).to.equal(keys.length);
    expect(dead).to.deep.equal([]);
  });
});
