import { WebSocketServer as BareServer } from 'ws';
import { WebSocketServer } from '../../lib/plugins/gateway/index.ts';
import { atRate } from '../pipeline.ts';
import { portOf } from '../port-of.ts';
import type { Part } from '../scenarios/scenario.ts';

export const message: string = JSON.stringify({ type: 'move', x: 103.25, y: -44.5, hp: 87, note: 'x'.repeat(40) });

/** Gives every text back; broadcasts on command. */
export const webSocketFront: Part = ({ peer }) => {
  let broadcast = (): void => {};
  return {
    async open() {
      if (peer === 'ws') {
        const bare = new BareServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
        bare.on('connection', (client) => {
          client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
        });
        broadcast = () => {
          for (const client of bare.clients) client.send(message);
        };
        if (bare.address() === null) await new Promise((resolve) => bare.once('listening', resolve));
        return { port: portOf(bare) };
      }
      const server = new WebSocketServer({ deferred: false, host: '127.0.0.1' });
      server.on('WEBSOCKET_MESSAGE_RECEIVED', (_, payload) => {
        server.sendTextMessageToClient(payload.clientID, payload.message);
      });
      broadcast = () => void server.broadcastTextMessage(message);
      return { port: await server.startListening(0) };
    },
    broadcast: ({ ms, rate }) => atRate(Number(rate), Number(ms), broadcast),
  };
};
