import type { Part, Scenario } from '../scenarios/scenario.ts';
import { Counter } from '../counter.ts';
import { flatWebSocket, frameHeadBytes } from './flat-websocket.ts';
import { message, webSocketFront } from './websocket-front.ts';

const rate = 20;
const frameBytes = frameHeadBytes + message.length;

const clientsPart: Part = () => {
  const received = new Counter();
  return {
    async open({ port, clients }) {
      for (let n = 0; n < Number(clients); n++) {
        const socket = await flatWebSocket(Number(port));
        let bytes = 0;
        socket.on('data', (chunk: Buffer) => {
          for (bytes += chunk.length; bytes >= frameBytes; bytes -= frameBytes) received.add();
        });
      }
      return {};
    },
    untilReceived: async ({ count }) => ({ receivedAt: await received.until(Number(count)) }),
  };
};

export const gatewayBroadcast: Scenario = {
  name: 'gateway-broadcast',
  group: 'gateway',
  title: '2,000 WebSocket clients and a broadcast of 100 bytes, 20 times a second.',
  metrics: [
    { name: 'cpu', unit: '% of a core, server', better: 'lower' },
    { name: 'perSecond', unit: 'broadcasts/s', better: 'higher' },
  ],
  variants: [{ name: '2,000 clients', clients: 2_000, params: {} }],
  parts: { front: webSocketFront, clients: clientsPart },
  peers: () => ['busbar', 'ws'],
  async measure({ start, pace }, { clients }) {
    const wanted = pace.quick ? 50 : clients;
    const ms = pace.quick ? 300 : Math.max(3_000, pace.measureMs);
    const server = await start('front');
    const { port = 0 } = await server.call('open');
    const crowd = await start('clients');
    await crowd.call('open', { port, clients: wanted });
    const { cpu = 0, count = 0, perSecond = 0 } = await server.call('broadcast', { ms, rate });
    await crowd.call('untilReceived', { count: count * wanted });
    return { cpu, perSecond };
  },
};
