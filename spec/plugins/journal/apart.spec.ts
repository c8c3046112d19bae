import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Client, type DurableConsumer, MessageCodec, Server } from '../../../lib/index.ts';
import { journal } from '../../../lib/plugins/journal/index.ts';
import { requestBody } from '../../../lib/plugins/journal/format/request-body.ts';
import { until } from '../../support/buses.ts';
import { ownPlace } from './own-folder.ts';
import { RawSender } from './raw-sender.ts';

const codec = new MessageCodec();
const bodies = (count: number, name: string): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => codec.encode(`${name} ${index}`));

/** A number behind a name. */
const numberOf = (data: unknown): number => Number(String(data).split(' ')[1]);

describe('journal, senders apart', () => {
  const at = ownPlace();

  async function begin(): Promise<{ up: Server; stuck: RawSender; other: Client }> {
    const up = new Server({ path: at.path, journal: journal(join(at.home, 'inbox')), closeTimeoutMs: 100 });
    const other = new Client({ path: at.path, journal: journal(join(at.home, 'outbox')) });
    at.open.push(up, other);
    await up.start();
    const stuck = await RawSender.connect(at.path);
    at.open.push(stuck.client);
    await other.connect();
    return { up, stuck, other };
  }

  /** Those that hang until they are released, and what was heard of each sender. */
  function hanging(): { hear(data: unknown): unknown; release(): void; stuck: number[]; others: unknown[] } {
    const waiting: (() => void)[] = [];
    const stuck: number[] = [];
    const others: unknown[] = [];
    let isReleased = false;
    return {
      stuck,
      others,
      hear: (data) => {
        if (!String(data).startsWith('stuck')) return void others.push(data);
        stuck.push(numberOf(data));
        return isReleased ? undefined : new Promise<void>((resolve) => void waiting.push(resolve));
      },
      release: () => {
        isReleased = true;
        for (const resolve of waiting) resolve();
      },
    };
  }

  const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

  it('listeners - that hang for one sender hold up no other, and go on with all of it in order', async () => {
    const { up, stuck, other } = await begin();
    const { hear, release, stuck: heard, others } = hanging();
    up.on('message', (data) => hear(data) as undefined);
    for (let part = 0; part < 3; part++) await stuck.send(bodies(1_000, 'stuck'));
    await until(() => heard.length >= 700);
    for (let count = 0; count < 20; count++) await other.send(`other ${count}`, { durable: true });
    await until(() => others.length === 20);
    // Plain ones behind them do not wait either.
    await other.send('plain', { confirm: true });
    expect(others.map(String)).to.deep.equal([...upTo(20).map((index) => `other ${index}`), 'plain']);
    expect(heard.length).to.be.within(700, 1_000);
    release();
    await until(() => heard.length === 3_000);
    expect(heard).to.deep.equal([...upTo(1_000), ...upTo(1_000), ...upTo(1_000)]);
  });

  it('listeners - that hang for one sender have it wait at its end, and what is here of it is bounded', async () => {
    const { up, stuck, other } = await begin();
    const { hear, release, stuck: heard, others } = hanging();
    up.on('message', (data) => hear(data) as undefined);
    const sent = bodies(1_000, 'stuck');
    for (let part = 0; part < 12; part++) {
      await stuck.send(sent);
      // One is written after the other.
      await until(() => stuck.acknowledged.length === part + 1 || held(up) > 0);
    }
    expect(stuck.acknowledged.length).to.be.within(3, 7);
    await other.send('other', { durable: true, confirm: true });
    await until(() => others.length === 1);
    release();
    await until(() => heard.length === 12_000);
    expect(stuck.acknowledged.length).to.equal(12);
  });

  it('requests - that hang for one sender hold up no other, nor its messages', async () => {
    const { up, stuck, other } = await begin();
    const { hear, release, stuck: heard } = hanging();
    const messages: unknown[] = [];
    up.on('message', (data) => void messages.push(data));
    up.handle((data) => hear(data) ?? 'answered');
    const asked = upTo(1_500).map((index) => requestBody({ key: undefined, data: codec.encode(`stuck ${index}`) }));
    await stuck.send(asked);
    await until(() => heard.length >= 700);
    await stuck.send(bodies(1, 'behind'));
    expect(await other.request('other', { durable: true })).to.equal('answered');
    await until(() => messages.length === 1);
    expect(heard.length).to.be.within(700, 1_000);
    release();
    await until(() => heard.length === 1_500);
    expect(heard).to.deep.equal(upTo(1_500));
  });

  it('consumers - that skip many of one sender, since they wait for one key, have it wait, and go on with others', async () => {
    const { up, stuck, other } = await begin();
    const { hear, release, stuck: heard, others } = hanging();
    const consumer: DurableConsumer = up.consume((data) => hear(data), {
      concurrency: 4,
      key: (data) => String(data).split(' ')[0],
    });
    const sent = bodies(1_000, 'stuck');
    for (let part = 0; part < 6; part++) await stuck.send(sent);
    await other.send('other', { durable: true });
    await until(() => others.length === 1);
    const { length } = stuck.acknowledged;
    await stuck.send(sent);
    await until(() => held(up) > 0);
    await other.send('another', { durable: true, confirm: true });
    await until(() => others.length === 2);
    expect(stuck.acknowledged.length).to.equal(length);
    release();
    await until(() => stuck.acknowledged.length === 7);
    await until(() => heard.length > 1_000);
    await consumer.stop();
  });
});

function held(up: Server): number {
  return (up.stats().plugins.journal as { heldBytes: number }).heldBytes;
}
