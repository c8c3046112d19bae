import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type BusError, Client, MessageCodec, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';
import { RawSender } from './raw-sender.ts';

describe('journal, what is kept in a small folder', () => {
  const maxBytes = 262_144;
  const codec = new MessageCodec();
  const at = ownPlace();

  function server(): Server {
    const up = new Server({ path: at.path, journal: journal(join(at.home, 'inbox'), { maxBytes }) });
    at.open.push(up);
    up.on('error', () => {});
    return up;
  }

  async function client(name: string): Promise<Client> {
    const made = new Client({ path: at.path, journal: journal(join(at.home, name)) });
    at.open.push(made);
    return made.connect();
  }

  const bytesOf = (up: Server): number => (up.stats().plugins.journal as { bytes: number }).bytes;
  const ask = (end: Client, key: string): Promise<unknown> => end.request(1, { durable: true, key });

  it('answers - stop no messages, large ones neither, and one client with many drives out none of others', async () => {
    let asked = 0;
    const answering = (): Server => server().handle(() => ++asked);
    const up = await answering().start();
    let heard = 0;
    up.on('message', () => void (heard += 1));
    const few = await client('few');
    for (let key = 0; key < 5; key++) expect(await ask(few, `few ${key}`)).to.equal(key + 1);
    const many = await client('many');
    await Promise.all(Array.from({ length: 1_500 }, (_, key) => ask(many, `many ${key}`)));
    for (let other = 0; other < 5; other++) {
      const next = await client(`other ${other}`);
      await Promise.all(Array.from({ length: 100 }, (_, key) => ask(next, `other ${key}`)));
    }
    const before = asked;
    for (let key = 0; key < 5; key++) expect(await ask(few, `few ${key}`)).to.equal(key + 1);
    expect(asked).to.equal(before);
    for (let count = 0; count < 100; count++) await many.send('x'.repeat(8_000), { durable: true });
    await many.send('x'.repeat(maxBytes * 0.8), { durable: true, confirm: true });
    await until(() => heard === 101);
    for (let key = 0; key < 5; key++) await ask(few, `few ${key}`);
    await up.close();

    // What is there is counted in the next process too.
    const again = await answering().start();
    again.on('message', () => void (heard += 1));
    await few.connect();
    await few.send('x'.repeat(maxBytes * 0.8), { durable: true, confirm: true });
    await until(() => heard === 102);
  });

  it('a large message - that dead letters leave no room for waits alone, and comes in when they are gone', async () => {
    const up = await server().start();
    const heard: unknown[] = [];
    up.consume(
      (data) => {
        if (String(data).startsWith('bad')) throw new Error('bad');
        heard.push(data);
      },
      { maxAttempts: 1 },
    );
    const [bad, large, small] = await Promise.all(['bad', 'large', 'small'].map((name) => client(name)));
    for (let count = 0; count < 10; count++) {
      await bad?.send('bad'.padEnd(10_000), { durable: true, confirm: true });
    }
    await until(async () => (await up.deadLetters.list()).length === 10);
    const whole = 'x'.repeat(maxBytes * 0.8);
    const waiting = large?.send(whole, { durable: true, confirm: true });
    await until(() => heldBytes(up) > maxBytes * 0.8);
    for (let number = 0; number < 20; number++) await small?.send(number, { durable: true, confirm: true });
    await until(() => heard.length === 20);
    expect(heldBytes(up)).to.be.above(maxBytes * 0.8);
    for (const { id } of await up.deadLetters.list()) await up.deadLetters.discard(id);
    await waiting;
    await until(() => heard.length === 21);
    expect(heard.at(-1) === whole).to.equal(true);
  });

  it('dead letters - of one client take its part of the folder, whatever its messages are, over a restart too', async () => {
    let up = server();
    up.on('message', () => {});
    await up.start();
    const raw = await RawSender.connect(at.path);
    at.open.push(raw.client);
    // What no data is.
    const bodies = Array.from({ length: 40 }, () => new Uint8Array([0xa5, 1]));
    const flood = async (): Promise<void> => {
      for (let count = 0; count < 50; count++) await raw.send(bodies);
      // One of them has no room.
      await until(() => heldBytes(up) > 0 && raw.acknowledged.length > 0);
    };
    await flood();
    await until(async () => (await up.deadLetters.list()).length >= raw.acknowledged.length * 40);
    expect(bytesOf(up)).to.be.within(maxBytes / 8, maxBytes);
    const other = await client('other');
    await other.send('other', { durable: true, confirm: true });
    await up.close();

    up = server();
    await up.start();
    const { length } = await up.deadLetters.list();
    await raw.client.connect();
    raw.acknowledged.length = 0;
    await raw.open([[raw.journal, 2_000]]);
    await raw.send(bodies);
    await until(() => heldBytes(up) > 0);
    expect(await up.deadLetters.list()).to.have.length(length);
    await other.connect();
    await other.send('another', { durable: true, confirm: true });
  });

  it('the smallest messages - go to folders of any size', async () => {
    for (const size of [65_536, 262_144, 1_048_576]) {
      const up = new Server({ path: at.path, journal: journal(join(at.home, `inbox-${size}`), { maxBytes: size }) });
      at.open.push(up);
      const errors: unknown[] = [];
      up.on('error', (error) => void errors.push(error));
      let heard = 0;
      up.on('message', () => void (heard += 1));
      const sender = new Client({ path: at.path, journal: journal(join(at.home, `sender-${size}`)) });
      at.open.push(sender);
      await Promise.all(Array.from({ length: 6_000 }, () => sender.send(1, { durable: true })));
      await up.start();
      await sender.connect();
      await sender.send(2, { durable: true, confirm: true });
      await until(() => heard === 6_001);
      expect(errors).to.deep.equal([]);
      await sender.close();
      await up.close();
    }
  });

  it('stretches - with more messages than a folder takes at once are refused', async () => {
    const up = server();
    const errors: string[] = [];
    up.on('error', ({ code }: BusError) => void errors.push(code));
    await up.start();
    const raw = await RawSender.connect(at.path);
    at.open.push(raw.client);
    await raw.send(Array.from({ length: 5_000 }, () => codec.encode(1)));
    await until(() => raw.acknowledged.length === 1);
    expect(raw.acknowledged).to.deep.equal([['closed', 'The journal got too many messages at once']]);
    expect(errors).to.deep.equal(['ERR_PROTOCOL']);
  });
});

function heldBytes(up: Server): number {
  return (up.stats().plugins.journal as { heldBytes: number }).heldBytes;
}
