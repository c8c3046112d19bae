import { expect } from 'chai';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { wire } from './bare-driver.ts';
import { DeviceClient, freePort } from './device-client.ts';
import { type RunningService, startService } from './running-service.ts';

describe('dispatch and hostile drivers', () => {
  let running: RunningService;
  let port: number;

  beforeEach(async () => {
    running = await startService();
    port = await freePort();
  });

  afterEach(async () => {
    await running.service.close();
    expect(running.service.statistics()).to.deep.equal({ udp_listeners: {}, tcp_listeners: {}, tcp_clients: {} });
  });

  it('any bytes - close that driver with 1007 or mean nothing, and its neighbour goes on', async () => {
    const neighbour = await running.driver('tcp', { port, accept: '127.0.0.1' });
    await running.logged('port_opened');
    const device = await DeviceClient.connect(port);
    expect(await neighbour.next()).to.include({ type: 0, id: 0 });
    const nearly = fc
      .tuple(
        fc.nat({ max: 5 }),
        fc.constantFrom('127.0.0.1', '::1', 'x', ''),
        fc.nat({ max: 2 }),
        fc.uint8Array({ maxLength: 9 }),
        fc.nat({ max: 30 }),
      )
      .filter(([type, address, id]) => !(type === 4 && address === '127.0.0.1' && id === 0))
      .map(([type, address, id, data, cut]) => {
        const message = wire(type, address, id, Buffer.from(data));
        return message.subarray(0, message.length - (cut > 20 ? cut - 20 : 0));
      });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 80 }).map((raw) => Buffer.from(raw)),
      nearly,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 5 }), async (messages) => {
        const driver = await running.driver('tcp', { port, accept: '127.0.0.1' });
        await driver.next();
        for (const message of messages) driver.socket.send(message);
        driver.socket.close(1000);
        expect((await driver.closed).code).to.be.oneOf([1000, 1005, 1007]);
      }),
      { numRuns: 100 },
    );
    device.send('on');
    expect((await neighbour.collect(2)).toString()).to.equal('on');
    expect(running.service.statistics()).to.deep.include({ tcp_listeners: { [port]: 1 }, tcp_clients: { [port]: 1 } });
    await neighbour.leave();
    await device.closed;
  });

  it('500 wrong tokens at once - are refused, and the right one is let in', async () => {
    const attempts = Array.from({ length: 500 }, (_, index) =>
      fetch(`${running.base}?bearer_token=a%20test%20secre${index}`, { headers: { connection: 'close' } }),
    );
    const driver = await running.driver('tcp', { port, accept: '127.0.0.1' });
    const statuses = new Set((await Promise.all(attempts)).map(({ status }) => status));
    expect([...statuses]).to.deep.equal([401]);
    expect(running.events.filter(({ event }) => event === 'request_refused').length).to.be.lessThan(10);
    await driver.leave();
  });
});
