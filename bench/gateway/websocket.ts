import type { Socket } from 'node:net';
import type { Part, Scenario } from '../scenarios/scenario.ts';
import { cpuOf } from '../control/cpu-of.ts';
import { now } from '../time.ts';
import { flatWebSocket, frameHeadBytes, maskedFrame } from './flat-websocket.ts';
import { message, webSocketFront } from './websocket-front.ts';

const inFlight = 16;

const load: Part = () => {
  const sockets: Socket[] = [];
  return {
    async open({ port, clients }) {
      while (sockets.length < Number(clients)) sockets.push(await flatWebSocket(Number(port)));
      return {};
    },
    async echo({ ms }) {
      const frames = Buffer.concat(Array.from({ length: inFlight }, () => maskedFrame(message)));
      const roundBytes = inFlight * (frameHeadBytes + message.length);
      const startedAt = now();
      let rounds = 0;
      const lane = (socket: Socket): Promise<void> =>
        new Promise((resolve) => {
          let received = 0;
          const heard = (bytes: Buffer): void => {
            received += bytes.length;
            if (received < roundBytes) return;
            received -= roundBytes;
            rounds += 1;
            if (now() - startedAt < Number(ms)) return void socket.write(frames);
            socket.off('data', heard);
            resolve();
          };
          socket.on('data', heard);
          socket.write(frames);
        });
      await Promise.all(sockets.map(lane));
      const count = rounds * inFlight;
      return { count, perSecond: (count * 1_000) / (now() - startedAt) };
    },
  };
};

export const gatewayWebSocket: Scenario = {
  name: 'gateway-websocket',
  group: 'gateway',
  title: 'Text messages of 100 bytes that are sent back, over 16 connections with 16 in flight on each.',
  metrics: [
    { name: 'perSecond', unit: 'messages/s', better: 'higher' },
    { name: 'us', unit: 'us of CPU each, server', better: 'lower' },
  ],
  variants: [{ name: 'echo', clients: 16, params: {} }],
  parts: { front: webSocketFront, load },
  peers: () => ['busbar', 'ws'],
  async measure({ start, pace }, { clients }) {
    const server = await start('front');
    const { port = 0 } = await server.call('open');
    const generator = await start('load');
    await generator.call('open', { port, clients });
    await generator.call('echo', { ms: pace.warmMs });
    const before = await cpuOf(server);
    const { count = 0, perSecond = 0 } = await generator.call('echo', { ms: pace.measureMs });
    return { perSecond, us: ((await cpuOf(server)) - before) / count };
  },
};
