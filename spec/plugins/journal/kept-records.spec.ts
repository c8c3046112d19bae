import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { until } from '../../support/buses.ts';

const maxBytes = 65_536;
const filling = 'x'.repeat(2_000);
/** More than there are segments. */
const count = 40;

describe('journal, small records among large ones that are needed no more', () => {
  let home: string;
  let open: (Client | Server)[];
  let client: Client;

  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'busbar-journal-'));
    open = [];
    client = new Client({ path: join(home, 'bus.sock'), journal: journal(join(home, 'outbox')), maxRetryTime: 100 });
    open.push(client);
  });
  afterEach(async () => {
    await Promise.all(open.map((end) => end.close()));
    rmSync(home, { recursive: true, force: true });
  });

  function server(): Server {
    const up = new Server({ path: join(home, 'bus.sock'), journal: journal(join(home, 'inbox'), { maxBytes }) });
    open.push(up);
    return up;
  }

  it('dead letters - keep nobody out, and are all there in the next process', async () => {
    const up = server();
    let heard = 0;
    up.consume(
      (data) => {
        if (String(data).startsWith('bad')) throw new Error('no');
        heard += 1;
      },
      { maxAttempts: 1 },
    );
    await up.start();
    await client.connect();
    for (let number = 0; number < count; number++) {
      await client.send(`bad ${number}`, { durable: true });
      for (let rest = 0; rest < 3; rest++) await client.send(filling, { durable: true });
    }
    await until(() => heard === 3 * count);
    const expected = Array.from({ length: count }, (_, number) => `bad ${number}`);
    const list = async (end: Server): Promise<unknown[]> => (await end.deadLetters.list()).map(({ data }) => data);
    expect((await list(up)).sort()).to.deep.equal(expected.sort());
    const [first, ...others] = await up.deadLetters.list();
    await up.deadLetters.discard(first?.id ?? '');
    await up.close();
    const next = await server().start();
    expect((await next.deadLetters.list()).map(({ id }) => id).sort()).to.deep.equal(others.map(({ id }) => id).sort());
  });

  it('answers - keep nobody out, and are given again by the next process', async () => {
    let asked = 0;
    const answering = (): Server => server().handle((data) => `${String(data)}, request ${++asked}`);
    const up = answering();
    let heard = 0;
    up.on('message', () => void (heard += 1));
    await up.start();
    await client.connect();
    const answers: unknown[] = [];
    for (let number = 0; number < count; number++) {
      answers.push(await client.request(number, { durable: true, key: `key ${number}` }));
      for (let rest = 0; rest < 3; rest++) await client.send(filling, { durable: true });
    }
    await until(() => heard === 3 * count);
    expect(asked).to.equal(count);
    await up.close();
    await answering().start();
    await client.connect();
    const again: unknown[] = [];
    // Older ones than a sixteenth of the folder go before their time.
    for (let number = count - 10; number < count; number++) {
      again.push(await client.request(number, { durable: true, key: `key ${number}` }));
    }
    expect(again).to.deep.equal(answers.slice(-10));
  });
});
