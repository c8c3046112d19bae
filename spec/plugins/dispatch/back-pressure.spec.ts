import { expect } from 'chai';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { until } from '../../support/buses.ts';
import type { BareDriver } from './bare-driver.ts';
import { DeviceClient, freePort } from './device-client.ts';
import { type RunningService, startService } from './running-service.ts';

const limit = 65_536;

describe('dispatch back-pressure', () => {
  let running: RunningService;
  let port: number;

  beforeEach(async () => {
    running = await startService({
      maxBufferedBytes: limit,
      maxDeviceBytes: limit,
      stallMs: 100,
      deviceTimeoutMs: 300,
    });
    port = await freePort();
  });

  afterEach(async () => {
    await running.service.close();
    expect(running.service.statistics()).to.deep.equal({ udp_listeners: {}, tcp_listeners: {}, tcp_clients: {} });
  });

  const driverOf = async (accept: string, protocol: 'tcp' | 'udp' = 'tcp'): Promise<BareDriver> => {
    const driver = await running.driver(protocol, { port, accept });
    await running.logged('port_opened');
    return driver;
  };

  /** Writes until the system takes no more for a while, and says how much that was. */
  const flood = async (device: DeviceClient, upTo: number, patienceMs = 250): Promise<number> => {
    const chunk = Buffer.alloc(65_536, 0x7a);
    let sent = 0;
    while (sent < upTo) {
      sent += chunk.length;
      if (device.socket.write(chunk)) continue;
      const isTaken = await new Promise<boolean>((resolve) => {
        const patience = setTimeout(() => resolve(false), patienceMs);
        device.socket.once('drain', () => {
          clearTimeout(patience);
          resolve(true);
        });
      });
      if (!isTaken) break;
    }
    return sent;
  };

  it('a slow driver - its device waits, nothing is lost and nothing piles up here', async () => {
    const driver = await driverOf('127.0.0.1');
    const device = await DeviceClient.connect(port);
    await driver.next();
    driver.socket.pause();
    const total = 64 * 1_048_576;
    const before = process.memoryUsage().rss;
    const sent = await flood(device, total, 4_000);
    expect(sent, 'bytes the system took').to.be.lessThan(total);
    const counted = /received_bytes_total\{transport="tcp"\} (\d+)/.exec(await running.service.metrics());
    expect(Number(counted?.[1])).to.be.lessThan(sent);
    expect(process.memoryUsage().rss - before).to.be.lessThan(32 * 1_048_576);
    driver.socket.resume();
    expect(await driver.collect(sent)).to.have.length(sent);
    await driver.leave();
    await device.closed;
  });

  it('a slow driver - does not hold up another on the port, nor another of the same device for long', async () => {
    const slow = await driverOf('127.0.0.1,127.0.0.2');
    const quick = await driverOf('127.0.0.1,127.0.0.3');
    const shared = await DeviceClient.connect(port);
    const own = await DeviceClient.connect(port, '127.0.0.1', '127.0.0.3');
    await quick.next();
    await quick.next();
    slow.socket.pause();
    const total = 16 * 1_048_576;
    const [sent] = await Promise.all([flood(shared, total, 4_000), flood(own, total, 4_000)]);
    const received = await quick.collect(2 * total);
    expect(received).to.have.length(2 * total);
    expect(sent).to.equal(total);
    expect(await running.service.metrics()).to.include('busbar_dispatch_devices_withheld_total 1\n');
    slow.socket.resume();
    expect((await slow.next()).type).to.equal(0);
    let last = await slow.next();
    while (last.type === 2) last = await slow.next();
    expect(last).to.include({ type: 1, address: '127.0.0.1', id: 0 });
    await slow.leave();
    shared.send('still here');
    expect((await quick.collect(10)).toString()).to.equal('still here');
    await quick.leave();
    await Promise.all([shared.closed, own.closed]);
  });

  it('a slow driver - hears what was kept for it although the device has left', async () => {
    const driver = await driverOf('127.0.0.1');
    const device = await DeviceClient.connect(port);
    await driver.next();
    driver.socket.pause();
    const sent = await flood(device, 4 * 1_048_576);
    device.socket.end();
    driver.socket.resume();
    expect(await driver.collect(sent)).to.have.length(sent);
    expect((await driver.next()).type).to.equal(1);
    await driver.leave();
  });

  it('a slow driver of a UDP port - datagrams are dropped and counted, the next driver has them all', async () => {
    const slow = await driverOf('127.0.0.1', 'udp');
    const quick = await driverOf('127.0.0.1', 'udp');
    slow.socket.pause();
    const device = createSocket('udp4').bind(0, '127.0.0.1');
    await once(device, 'listening');
    const dropped = running.logged('datagram_dropped');
    let isOver = false;
    void dropped.then(() => (isOver = true));
    for (let sent = 0; !isOver; sent++) {
      if (sent > 1_000) throw new Error('nothing was dropped');
      device.send(Buffer.alloc(60_000), port, '127.0.0.1');
      await quick.next();
    }
    expect(await dropped).to.include({ reason: 'slow_driver', address: '127.0.0.1' });
    expect(await running.service.metrics()).to.match(/datagrams_dropped_total\{reason="slow_driver"\} [1-9]/);
    slow.socket.resume();
    expect((await slow.next()).data).to.have.length(60_000);
    device.close();
    await Promise.all([slow.leave(), quick.leave()]);
  });

  it('a device that reads late - gets all of what several drivers wrote, in the order of each', async () => {
    await running.service.close();
    running = await startService({ maxDeviceBytes: limit, deviceTimeoutMs: 5_000 });
    const drivers = [await driverOf('127.0.0.1'), await driverOf('127.0.0.1')];
    const device = await DeviceClient.connect(port);
    for (const driver of drivers) await driver.next();
    device.socket.pause();
    const size = 20_000;
    for (let count = 0; count < 100; count++) {
      for (const [index, driver] of drivers.entries()) {
        driver.write('127.0.0.1', 0, Buffer.alloc(size, index === 0 ? count : count + 100));
      }
    }
    await running.logged('device_opened');
    setTimeout(() => device.socket.resume(), 100);
    const received = Buffer.from(await device.hears(' '.repeat(200 * size)), 'latin1');
    const marks = [];
    for (let at = 0; at < received.length; at += size) {
      const mark = received[at] ?? 255;
      expect(received.subarray(at, at + size).equals(Buffer.alloc(size, mark))).to.equal(true);
      marks.push(mark);
    }
    expect(marks.filter((mark) => mark < 100)).to.deep.equal(Array.from({ length: 100 }, (_, index) => index));
    expect(marks.filter((mark) => mark >= 100)).to.deep.equal(Array.from({ length: 100 }, (_, index) => index + 100));
    await Promise.all(drivers.map((driver) => driver.leave()));
    await device.closed;
  });

  it('a device that closes its side - still gets what was on its way to it', async () => {
    await running.service.close();
    running = await startService({ maxDeviceBytes: limit, deviceTimeoutMs: 5_000 });
    const driver = await driverOf('127.0.0.1');
    const device = await DeviceClient.connect(port);
    await driver.next();
    device.socket.pause();
    driver.write('127.0.0.1', 0, Buffer.alloc(8_000_000, 0x61));
    await until(async () => /sent_bytes_total\{transport="tcp"\} 8000000/.test(await running.service.metrics()));
    device.socket.end();
    expect(await driver.next()).to.include({ type: 1, id: 0 });
    device.socket.resume();
    expect(await device.hears(' '.repeat(8_000_000))).to.have.length(8_000_000);
    await device.closed;
    await driver.leave();
  });

  it('a device that reads nothing - its driver waits, and then the device is closed', async () => {
    const driver = await driverOf('127.0.0.1');
    const device = await DeviceClient.connect(port);
    const { address, id } = await driver.next();
    device.socket.pause();
    const chunk = Buffer.alloc(1_048_576);
    for (let count = 0; count < 32; count++) driver.write(address, id, chunk);
    expect(await driver.next()).to.include({ type: 1, id });
    expect(await running.service.metrics()).to.include('busbar_dispatch_devices_timed_out_total 1\n');
    expect(running.service.statistics().tcp_clients).to.deep.equal({ [port]: 0 });
    device.socket.resume();
    await device.closed;
    const next = await DeviceClient.connect(port);
    expect(await driver.next()).to.include({ type: 0, id: 1 });
    driver.write(address, 1, 'hello');
    expect(await next.hears('hello')).to.equal('hello');
    await driver.leave();
    await next.closed;
  });

  it('a driver that is gone without a word - is noticed, and its port closed', async () => {
    await running.service.close();
    running = await startService({ heartbeatMs: 100 });
    const driver = await driverOf('127.0.0.1');
    driver.socket.pause();
    expect(await running.logged('driver_failed')).to.include({ error: 'no sign of life' });
    await running.logged('port_closed');
    driver.socket.resume();
    await driver.closed;
  });
});
