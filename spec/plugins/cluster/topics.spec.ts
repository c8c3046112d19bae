import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Client } from '../../../lib/index.ts';
import { channels, type ChannelRelay } from '../../../lib/plugins/channels/index.ts';
import { sleep, until } from '../../support/buses.ts';
import { natsServer } from '../../support/nats-server.ts';
import { Galaxy, type Star } from './galaxy.ts';

(natsServer === undefined ? describe.skip : describe)('topics over nodes', () => {
  let galaxy: Galaxy;

  beforeEach(async () => {
    galaxy = await Galaxy.open();
  });

  afterEach(async () => {
    await galaxy.end();
  });

  async function star(node: string): Promise<Star & { relay: ChannelRelay }> {
    const made = galaxy.make(node);
    const relay = made.server.use(channels());
    await made.server.start();
    await made.world.ready;
    return { ...made, relay };
  }

  async function subscriber(of: Star, pattern: string, got: string[]): Promise<Client> {
    const client = await galaxy.client(of, {}, (made) => {
      made.use(channels()).subscribe(pattern, (data, topic) => void got.push(`${topic} ${String(data)}`));
    });
    return client;
  }

  it('a topic - reaches those who subscribed at any node, in order, and nodes without subscribers get nothing', async () => {
    const a = await star('eu-1');
    const b = await star('eu-2');
    const c = await star('eu-3');
    const got: string[] = [];
    const local: string[] = [];
    await subscriber(b, 'news.*', got);
    a.relay.subscribe('news.>', (data, topic) => void local.push(`${topic} ${String(data)}`));
    let askedC = 0;
    c.relay.subscribe('other', () => void (askedC += 1));
    await until(async () => {
      await a.relay.publish('news.first', 'try');
      await sleep(10);
      return got.length > 0;
    });
    got.length = 0;
    local.length = 0;
    for (let number = 0; number < 100; number++) await a.relay.publish('news.eu', number);
    for (let number = 0; number < 100; number++) await b.relay.publish('news.us', number);
    await until(() => got.length === 200 && local.length === 200);
    const expected = [...Array(100).keys()].map((number) => `news.eu ${number}`);
    expect(got.filter((one) => one.startsWith('news.eu'))).to.deep.equal(expected);
    expect(askedC).to.equal(0);
  });

  it('a node that is started again - gets what its clients subscribe to, and one that left gets nothing', async () => {
    const a = await star('eu-1');
    const first = await star('eu-2');
    const got: string[] = [];
    first.relay.subscribe('t', () => {});
    await first.server.close();
    await until(() => a.world.nodes[1]?.state === 'left');
    await a.relay.publish('t', 'nobody');
    const again = await star('eu-2');
    again.relay.subscribe('t', (data) => void got.push(String(data)));
    await until(async () => {
      await a.relay.publish('t', 'again');
      await sleep(10);
      return got.length > 0;
    });
    expect(got[0]).to.equal('again');
    expect(a.errors).to.deep.equal([]);
  });
});
