import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type Connection, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { next, rejected, until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';

const durable = true;

describe('journal, ends that are closed or have none', () => {
  const at = ownPlace();
  const codesOf = (calls: readonly Promise<unknown>[]): Promise<string[]> =>
    Promise.all(calls.map(async (call) => (await rejected(call)).code));

  it('a client - opens its folder with the first durable call, not again once it was closed, and again with connect', async () => {
    const up = await new Server({ path: at.path, journal: journal(join(at.home, 'server')) }).start();
    const client = new Client({ path: at.path, journal: journal(join(at.home, 'client')) });
    at.open.push(client, up);
    const lock = join(at.home, 'client', 'lock');
    await client.send(1, { durable });
    expect(existsSync(lock)).to.equal(true);
    for (const end of [() => client.close(), async () => client.destroy()]) {
      await end();
      const codes = await codesOf([
        client.send(2, { durable }),
        client.send(2, { durable, confirm: true, timeout: 5_000 }),
        client.request(2, { durable }),
        client.backlog(),
        client.deadLetters.list(),
        client.deadLetters.discard('x'),
      ]);
      expect(codes).to.deep.equal(['ERR_CLOSED', 'ERR_CLOSED', 'ERR_CLOSED', 'ERR_STATE', 'ERR_STATE', 'ERR_STATE']);
      await until(() => !existsSync(lock));
      await client.connect();
      await client.send(3, { durable, confirm: true });
      expect((await client.backlog()).messages).to.equal(0);
      expect(existsSync(lock)).to.equal(true);
    }
  });

  it('a server - opens its folder with backlog, and not again once it was closed', async () => {
    const server = new Server({ path: at.path, journal: journal(join(at.home, 'server')) });
    at.open.push(server);
    expect(await server.backlog()).to.deep.equal([]);
    await server.close();
    const codes = await codesOf([server.backlog(), server.forget('x'), server.deadLetters.list()]);
    expect(codes).to.deep.equal(['ERR_STATE', 'ERR_STATE', 'ERR_STATE']);
    expect(existsSync(join(at.home, 'server', 'lock'))).to.equal(false);
  });

  it('durable without a journal - says what is missing', async () => {
    const up = await new Server({ path: at.path }).start();
    const client = new Client({ path: at.path });
    at.open.push(client, up);
    const [[connection]] = await Promise.all([next(up, 'connect'), client.connect()]);
    for (const call of [
      () => client.send(1, { durable }),
      () => client.request(1, { durable }),
      () => (connection as Connection).send(1, { durable }),
    ]) {
      const { code, message } = await rejected(call());
      expect(code).to.equal('ERR_INVALID_ARGUMENT');
      expect(message).to.include('the option `journal`');
    }
  });
});
