import { type TracingChannelSubscribers, tracingChannel } from 'node:diagnostics_channel';
import { expect } from 'chai';
import { it } from 'mocha';
import type { OperationContext } from '../../lib/index.ts';
import { contract, native, rejected, until } from '../support/buses.ts';

const steps = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;

/** What is published on a channel while `task` runs, as the steps of each operation. */
async function published(
  name: string,
  task: () => Promise<unknown>,
): Promise<{ steps: string; about: OperationContext }[]> {
  const found = new Map<OperationContext, string[]>();
  const subscribers = Object.fromEntries(
    steps.map((step) => [
      step,
      (about: OperationContext) => {
        const before = found.get(about) ?? [];
        found.set(about, [...before, step]);
      },
    ]),
  ) as unknown as TracingChannelSubscribers<OperationContext>;
  const channel = tracingChannel<unknown, OperationContext>(name);
  channel.subscribe(subscribers);
  try {
    await task();
  } finally {
    channel.unsubscribe(subscribers);
  }
  return Array.from(found, ([about, taken]) => ({ about, steps: taken.join(' ') }));
}

const whole = 'start end asyncStart asyncEnd';
const failed = 'start end error asyncStart asyncEnd';

contract(
  'tracing channels',
  (bus) => {
    it('busbar.request - has the answer, or the error', async () => {
      const { server, client } = await bus().pair();
      server.handle((data) => {
        if (data === 'no') throw Object.assign(new Error('no'), { code: 'E_NO' });
        return `${String(data)}!`;
      });
      const [good, bad] = await published('busbar.request', async () => {
        await client.request('yes');
        await rejected(client.request('no'));
      });
      expect(good?.steps).to.equal(whole);
      expect(good?.about).to.include({ peer: client, lane: '', data: 'yes', result: 'yes!' });
      expect(bad?.steps).to.equal(failed);
      expect(bad?.about.error).to.have.property('code', 'E_NO');
    });

    it('busbar.handle - of requests and messages, until they were handled', async () => {
      const { server, client, connection } = await bus().pair();
      server.handle((data) => `${String(data)}!`);
      server.on('message', (data) => {
        if (data === 'bad') throw new Error('bad');
      });
      server.on('error', () => {});
      const [asked, sent, bad] = await published('busbar.handle', async () => {
        await client.request('what');
        await client.send('good', { confirm: true });
        await rejected(client.send('bad', { confirm: true }));
      });
      expect(asked?.about).to.deep.include({
        peer: connection,
        lane: '',
        data: 'what',
        kind: 'request',
        result: 'what!',
      });
      expect(asked?.steps).to.equal('start asyncStart asyncEnd end');
      expect(sent?.about).to.deep.include({ kind: 'message', data: 'good' });
      expect(bad?.about.error).to.have.property('message', 'bad');
      bus().takeErrors();
    });

    it('busbar.send - of messages and broadcasts; nothing once nobody listens', async () => {
      const { server, client } = await bus().pair();
      const heard: unknown[] = [];
      server.on('message', (data) => heard.push(data));
      client.on('message', (data) => heard.push(data));
      const found = await published('busbar.send', async () => {
        await client.send('up');
        await server.broadcast('down');
      });
      await client.send('later');
      await until(() => heard.length === 3);
      expect(found.map(({ about }) => [about.peer, about.data])).to.deep.equal([
        [client, 'up'],
        [undefined, 'down'],
      ]);
      expect(found.map(({ steps: taken }) => taken)).to.deep.equal([whole, whole]);
    });

    it('busbar.connect - of clients, whether they may or not', async () => {
      await bus().server({ authorize: (payload) => payload === 'me' });
      const good = bus().newClient();
      const bad = bus().newClient();
      const found = await published('busbar.connect', async () => {
        await good.connect('me');
        await rejected(bad.connect('you'));
      });
      expect(found.map(({ about, steps: taken }) => [about.peer, taken])).to.deep.equal([
        [good, whole],
        [bad, failed],
      ]);
    });
  },
  { on: ['memory'], speaking: [native] },
);
