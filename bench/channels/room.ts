import { Counter } from '../counter.ts';
import { atRate } from '../pipeline.ts';
import type { Part, Scenario } from '../scenarios/scenario.ts';
import { chunk, connected, relay } from './parts.ts';

const plain = 'plain broadcast';
const rate = 20;

/** The owner of a room, who broadcasts. */
const owner: Part = ({ address }) => {
  let tick = (): void => {};
  return {
    async open() {
      const { rooms } = await connected(address);
      const end = await rooms.create('crowd');
      tick = () => void end.broadcastChunk(chunk);
      return {};
    },
    broadcast: ({ ms }) => atRate(rate, Number(ms), tick),
  };
};

/** Its users; in the other case clients that are in no room. */
const users: Part = ({ address, peer }) => {
  const received = new Counter();
  return {
    async open({ clients }) {
      for (let n = 0; n < Number(clients); n++) {
        const { client, rooms } = await connected(address);
        if (peer === plain) client.on('message', () => received.add());
        else (await rooms.enter('crowd')).on('chunk', () => received.add());
      }
      return {};
    },
    untilReceived: async ({ count }) => ({ receivedAt: await received.until(Number(count)) }),
  };
};

export const channelsRoom: Scenario = {
  name: 'channels-room',
  group: 'channels',
  title: 'A room of 200 users, 20 broadcasts of 100 bytes a second, beside a broadcast of the server itself.',
  metrics: [{ name: 'cpu', unit: '% of a core, relay', better: 'lower' }],
  variants: [{ name: '200 users', clients: 200, params: {} }],
  parts: { relay, owner, users },
  peers: () => ['busbar', plain],
  async measure({ start, pace }, { clients }, peer) {
    const wanted = pace.quick ? 20 : clients;
    const ms = pace.quick ? 300 : Math.max(3_000, pace.measureMs);
    const server = await start('relay');
    await server.call('open');
    const end = await start('owner');
    await end.call('open');
    const crowd = await start('users');
    await crowd.call('open', { clients: wanted });
    if (peer === plain) {
      const { cpu = 0, count = 0 } = await server.call('broadcast', { ms, rate });
      await crowd.call('untilReceived', { count: count * wanted });
      return { cpu };
    }
    const before = Number((await server.call('cpu'))['cpuUs']);
    const { count = 0 } = await end.call('broadcast', { ms });
    const after = Number((await server.call('cpu'))['cpuUs']);
    await crowd.call('untilReceived', { count: count * wanted });
    return { cpu: (after - before) / 10 / ((count * 1_000) / rate) };
  },
};
