import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { sleep, until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';

describe('journal, planned restarts under load', () => {
  const at = ownPlace();

  async function serving(heard: unknown[], isHeir: boolean): Promise<Server> {
    const server = new Server({ path: at.path, journal: journal(join(at.home, 'inbox')) });
    at.open.push(server);
    server.on('error', ({ code, message }) => at.errors.push(`server ${code} ${message}`));
    server.on('message', (data) => void heard.push(data));
    await server.start({ takeover: isHeir });
    return server;
  }

  for (const way of ['close(true)', 'takeover']) {
    it(`${way} - is no fault of the journal, and keeps the order`, async () => {
      const heard: unknown[] = [];
      let server = await serving(heard, false);
      const client = new Client({ path: at.path, journal: journal(join(at.home, 'outbox')), maxRetryTime: 100 });
      at.open.push(client);
      client.on('error', ({ code, message }) => code !== 'ERR_CONNECT' && at.errors.push(`client ${code} ${message}`));
      await client.connect();
      let sent = 0;
      let isOver = false;
      const sending = (async (): Promise<void> => {
        while (!isOver) {
          await until(() => sent - heard.length < 4_000);
          const some = Array.from({ length: 200 }, () =>
            client.send(`${sent++}${' '.repeat(1_000)}`, { durable: true }),
          );
          await some.at(-1);
        }
      })();
      for (let round = 0; round < 3; round++) {
        const before = heard.length;
        await until(() => heard.length > before + 3_000);
        const last = server;
        if (way === 'close(true)') {
          await last.close(true);
          server = await serving(heard, false);
        } else {
          const closed = once(last, 'close');
          server = await serving(heard, true);
          await closed;
        }
      }
      isOver = true;
      await sending;
      await until(async () => (await client.backlog()).messages === 0 && heard.length >= sent);
      await sleep(20);
      expect(at.errors).to.deep.equal([]);
      expect(heard.map((data) => Number.parseInt(String(data), 10))).to.deep.equal(
        Array.from({ length: sent }, (_, number) => number),
      );
    });
  }
});
