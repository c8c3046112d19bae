import { expect } from 'chai';
import { after, afterEach, describe, it } from 'mocha';
import { until } from '../../support/buses.ts';
import { GatewayKit } from './gateway-kit.ts';
import { WebSocketClient } from './websocket-client.ts';

describe('gateway, a worker that begins nothing', function () {
  this.timeout(300_000);
  const kit = new GatewayKit('websocket');

  afterEach(() => kit.clear());

  after(() => kit.remove());

  it('overrun - the worker is given up after 100,000 frames, and the others miss none', async () => {
    const { path, web, server } = await kit.front({ websocket: { port: 0 } });
    const errors: string[] = [];
    server.on('error', ({ code }) => void errors.push(code));
    const { ask } = await kit.forger(path);
    await ask(['addClients', { share: 'all' }]);
    let heard = 0;
    let inOrder = true;
    await kit.worker(path, async ({ websocket }) => {
      websocket.on('WEBSOCKET_MESSAGE_RECEIVED', (_, { message }) => {
        inOrder &&= Number(message) === heard % 10;
        heard += 1;
      });
      await websocket.takeClients({ share: 'all' });
    });
    const page = new WebSocketClient(`ws://127.0.0.1:${web.websocket?.port}/`);
    await page.opened;
    const count = 100_020;
    for (let sent = 0; sent < count; sent++) {
      page.ws.send(String(sent % 10));
      if (sent % 2_000 === 0) await until(() => heard > sent - 2_000);
    }
    await until(
      () => heard === count,
      () => `${count} messages, ${heard} were heard`,
    );
    page.ws.terminate();
    await page.closed;
    expect([inOrder, errors]).to.deep.equal([true, ['ERR_SLOW_CONSUMER']]);
  });
});
