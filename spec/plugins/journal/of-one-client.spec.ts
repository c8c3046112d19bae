import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type Connection, type DeadLetter, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { next, rejected, until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';

const durable = true;

describe('journal, dead letters of one client', () => {
  const at = ownPlace();

  function server(withJournal = true): Server {
    const made = new Server({ path: at.path, journal: withJournal ? journal(join(at.home, 'server')) : undefined });
    made.on('error', () => {});
    at.open.push(made);
    return made;
  }

  async function connected(up: Server, name: string, maxMessageBytes?: number): Promise<[Client, Connection]> {
    const end = new Client({
      path: at.path,
      journal: journal(join(at.home, name)),
      ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
    });
    at.open.push(end);
    const [[connection]] = await Promise.all([next(up, 'connect'), end.connect()]);
    return [end, connection as Connection];
  }

  const dataOf = (letters: readonly DeadLetter[]): unknown[] => letters.map(({ data }) => data);

  it('connection.deadLetters - are those of that client and to it, in its event too; retried and discarded there alone', async () => {
    const up = server();
    const heard: unknown[] = [];
    let fails = true;
    up.consume(
      (data) => {
        if (fails) throw new Error('not now');
        heard.push(data);
      },
      { maxAttempts: 1 },
    );
    await up.start();
    const [ann, ofAnn] = await connected(up, 'ann', 20_000);
    const [bob, ofBob] = await connected(up, 'bob');
    const told: unknown[] = [];
    for (const [name, connection] of [
      ['ann', ofAnn],
      ['bob', ofBob],
    ] as const) {
      connection.on('deadLetter', ({ data, attempts }) => told.push([name, String(data).length, attempts]));
    }
    await ann.send('a', { durable });
    await until(() => told.length === 1);
    await bob.send('bb', { durable });
    await until(() => told.length === 2);
    await rejected(ofAnn.send('x'.repeat(50_000), { durable, confirm: true }));
    await until(() => told.length === 3);
    expect(told).to.deep.equal([
      ['ann', 1, 1],
      ['bob', 2, 1],
      ['ann', 50_000, 1],
    ]);
    expect(dataOf(await ofAnn.deadLetters.list())).to.deep.equal(['a', 'x'.repeat(50_000)]);
    expect(dataOf(await ofBob.deadLetters.list())).to.deep.equal(['bb']);
    expect(await up.deadLetters.list()).to.have.length(3);

    const [ofBobs] = await ofBob.deadLetters.list();
    const id = ofBobs?.id ?? '';
    expect((await rejected(ofAnn.deadLetters.discard(id))).code).to.equal('ERR_INVALID_ARGUMENT');
    expect((await rejected(ofAnn.deadLetters.retry(id))).code).to.equal('ERR_INVALID_ARGUMENT');
    fails = false;
    await ofBob.deadLetters.retry(id);
    await until(() => heard.length === 1);
    expect(heard).to.deep.equal(['bb']);
    const letters = ofAnn.deadLetters;
    for (const letter of await letters.list()) await letters.discard(letter.id);
    expect(await up.deadLetters.list()).to.deep.equal([]);

    await Promise.all([next(up, 'disconnect'), ann.close()]);
    expect((await rejected(letters.list())).code).to.equal('ERR_CLOSED');
    expect(() => ofAnn.deadLetters)
      .to.throw()
      .with.property('code', 'ERR_CLOSED');
  });

  it('connection.deadLetters - of a client without a journal are none, and of a server without one are refused', async () => {
    const up = await server().start();
    const plain = new Client({ path: at.path });
    at.open.push(plain);
    const [[connection]] = await Promise.all([next(up, 'connect'), plain.connect()]);
    expect(await (connection as Connection).deadLetters.list()).to.deep.equal([]);
    expect((await rejected((connection as Connection).deadLetters.retry('x'))).code).to.equal('ERR_INVALID_ARGUMENT');
    await up.close();
    const bare = await server(false).start();
    const [, other] = await connected(bare, 'ann');
    expect(() => other.deadLetters)
      .to.throw()
      .with.property('code', 'ERR_STATE');
  });
});
