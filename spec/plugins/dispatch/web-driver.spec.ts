import { expect } from 'chai';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type BareDriver, wire } from './bare-driver.ts';
import { DeviceClient, freePort } from './device-client.ts';
import { type RunningService, startService } from './running-service.ts';

const empty = { udp_listeners: {}, tcp_listeners: {}, tcp_clients: {} };

describe('dispatch over WebSockets', () => {
  let running: RunningService;
  let port: number;

  beforeEach(async () => {
    running = await startService({ deviceTimeoutMs: 2_000, closeTimeoutMs: 1_000 });
    port = await freePort();
  });

  afterEach(async () => {
    await running.service.close();
    expect(running.service.statistics()).to.deep.equal(empty);
  });

  const tcp = (query: Record<string, string> = {}): Promise<BareDriver> =>
    running.driver('tcp', { port, accept: '127.0.0.1', ...query });
  const open = (driver: BareDriver): Promise<unknown> => {
    void driver;
    return running.logged('port_opened', (event) => event['port'] === port);
  };
  const closed = (): Promise<unknown> => running.logged('port_closed', (event) => event['port'] === port);

  it('tcp - a device is announced, heard and missed, byte for byte', async () => {
    const driver = await tcp();
    const raw: string[] = [];
    driver.socket.on('message', (data) => raw.push((data as Buffer).toString('hex')));
    await open(driver);
    const device = await DeviceClient.connect(port);
    device.send('testing');
    await driver.next();
    await driver.next();
    await device.end();
    await driver.next();
    expect(raw).to.deep.equal([
      '003132372e302e302e3100000000000000000000000000',
      '023132372e302e302e310000000000000000000000000774657374696e67',
      '013132372e302e302e3100000000000000000000000000',
    ]);
    await driver.leave();
    await closed();
  });

  it('tcp - a driver answers by sending the message back with another type', async () => {
    const driver = await tcp();
    await open(driver);
    const device = await DeviceClient.connect(port);
    device.send('testing');
    expect(await driver.next()).to.include({ type: 0, address: '127.0.0.1', id: 0 });
    const received = await driver.next();
    expect(received.data.toString()).to.equal('testing');
    driver.write(received.address, received.id, 'reply');
    expect(await device.hears('reply')).to.equal('reply');
    expect(running.service.statistics()).to.deep.equal({
      udp_listeners: {},
      tcp_listeners: { [port]: 1 },
      tcp_clients: { [port]: 1 },
    });
    await device.end();
    expect((await driver.next()).type).to.equal(1);
    expect(running.service.statistics().tcp_clients).to.deep.equal({ [port]: 0 });
    await driver.leave();
    await closed();
  });

  it('tcp - ids count from 0 and are not given twice, and a refused device uses none', async () => {
    const driver = await tcp();
    await open(driver);
    for (const id of [0, 1]) {
      const device = await DeviceClient.connect(port);
      expect(await driver.next()).to.include({ type: 0, id });
      await device.end();
      expect(await driver.next()).to.include({ type: 1, id });
    }
    const stranger = await DeviceClient.connect(port, '127.0.0.1', '127.0.0.9');
    await stranger.closed;
    expect(stranger.received).to.equal('');
    await running.logged('device_refused');
    await DeviceClient.connect(port);
    expect(await driver.next()).to.include({ type: 0, id: 2 });
    expect(await running.service.metrics()).to.include('busbar_dispatch_devices_refused_total{reason="address"} 1\n');
    await driver.leave();
    await closed();
  });

  it('tcp - CLOSE comes after what was written, and the client count follows', async () => {
    const driver = await tcp();
    await open(driver);
    const device = await DeviceClient.connect(port);
    const { address, id } = await driver.next();
    const large = 'x'.repeat(500_000);
    driver.write(address, id, large);
    driver.write(address, id, 'the end');
    driver.closeDevice(address, id);
    expect(await device.hears(`${large}the end`)).to.have.length(500_007);
    await device.closed;
    expect(await driver.next()).to.include({ type: 1, id });
    expect(running.service.statistics().tcp_clients).to.deep.equal({ [port]: 0 });
    driver.write(address, id, 'too late');
    driver.closeDevice(address, id);
    driver.closeDevice(address, 77);
    await driver.leave();
    await closed();
  });

  it('tcp - drivers share a port, each hears its own addresses, and a late one is told who is there', async () => {
    const first = await tcp();
    await open(first);
    const device = await DeviceClient.connect(port);
    expect(await first.next()).to.include({ type: 0, id: 0 });
    const second = await tcp({ accept: '127.0.0.1,127.0.0.2,127.0.0.1' });
    expect(await second.next()).to.include({ type: 0, id: 0, address: '127.0.0.1' });
    const other = await DeviceClient.connect(port, '127.0.0.1', '127.0.0.2');
    expect(await second.next()).to.include({ type: 0, id: 1, address: '127.0.0.2' });
    expect(running.service.statistics()).to.deep.include({ tcp_listeners: { [port]: 2 }, tcp_clients: { [port]: 2 } });
    device.send('to both');
    expect((await first.next()).data.toString()).to.equal('to both');
    expect((await second.next()).data.toString()).to.equal('to both');
    await second.leave();
    await other.closed;
    first.write('127.0.0.1', 0, 'still here');
    expect(await device.hears('still here')).to.equal('still here');
    expect(running.service.statistics()).to.deep.include({ tcp_listeners: { [port]: 1 }, tcp_clients: { [port]: 1 } });
    expect(first.unread + second.unread).to.equal(0);
    await first.leave();
    await device.closed;
    await closed();
  });

  it('tcp - ranges and IPv6 addresses are accepted', async () => {
    const driver = await tcp({ accept: '127.0.1.0/24,::1' });
    await open(driver);
    await DeviceClient.connect(port, '127.0.0.1', '127.0.1.77');
    expect(await driver.next()).to.include({ type: 0, address: '127.0.1.77' });
    const six = await DeviceClient.connect(port, '::1');
    expect(await driver.next()).to.include({ type: 0, address: '::1', id: 1 });
    driver.write('::1', 1, 'hello');
    expect(await six.hears('hello')).to.equal('hello');
    await driver.leave();
    await closed();
  });

  it('tcp - a port in use closes the WebSocket with 1008 and the reason, and leaves no trace', async () => {
    const taken = createServer().listen(port, '0.0.0.0');
    await once(taken, 'listening');
    const driver = await tcp();
    const { code, reason } = await driver.closed;
    expect(code).to.equal(1008);
    expect(reason).to.include(`Port ${port} is in use`);
    expect(running.service.statistics()).to.deep.equal(empty);
    taken.close();
    await once(taken, 'close');
    const second = await tcp();
    await open(second);
    await second.leave();
    await closed();
  });

  it('messages - a fragmented one is put together, and bytes after its data do not matter', async () => {
    const driver = await tcp();
    await open(driver);
    const device = await DeviceClient.connect(port);
    await driver.next();
    const message = Buffer.concat([wire(3, '127.0.0.1', 0, Buffer.from('whole')), Buffer.from('tail')]);
    for (const byte of message) driver.socket.send(Buffer.from([byte]), { fin: false });
    driver.socket.send(Buffer.alloc(0), { fin: true });
    driver.socket.send(wire(3, '127.0.0.1', 0, Buffer.from(' thing')), { fin: false });
    driver.socket.send(Buffer.alloc(0), { fin: true });
    expect(await device.hears('whole thing')).to.equal('whole thing');
    await driver.leave();
    await closed();
  });

  const offences: readonly [string, Buffer | string, number, string][] = [
    ['a text frame', 'hello', 1003, 'only binary frames are accepted'],
    ['an empty message', Buffer.alloc(0), 1007, 'it is empty'],
    ['an unknown type', wire(5, '127.0.0.1', 0, Buffer.alloc(0)), 1007, '5 is not a message type'],
    ['an address that does not end', Buffer.from('\x03127.0.0.1'), 1007, 'the address has no end'],
    ['a short head', wire(3, '127.0.0.1', 0, Buffer.alloc(0)).subarray(0, -1), 1007, '1 bytes are missing'],
    ['a size that lies', wire(3, '127.0.0.1', 0, Buffer.from('abc')).subarray(0, -1), 1007, 'should have 3 bytes'],
    [
      'an address that is none',
      wire(3, '127.0.0.256', 0, Buffer.from('x')),
      1007,
      '"127.0.0.256" is not an IP address',
    ],
  ];
  for (const [name, bytes, code, reason] of offences) {
    it(`messages - ${name} closes that driver with ${code}, and no other`, async () => {
      const driver = await tcp();
      const neighbour = await tcp();
      await open(driver);
      const device = await DeviceClient.connect(port);
      await neighbour.next();
      driver.socket.send(bytes);
      const end = await driver.closed;
      expect(end.code).to.equal(code);
      expect(end.reason).to.include(reason);
      device.send('on');
      expect((await neighbour.next()).data.toString()).to.equal('on');
      await neighbour.leave();
      await closed();
    });
  }

  it('messages - one over the limit closes the driver with 1009', async () => {
    await running.service.close();
    running = await startService({ maxMessageBytes: 10_000 });
    const driver = await tcp();
    await open(driver);
    driver.write('127.0.0.1', 0, Buffer.alloc(10_001));
    expect((await driver.closed).code).to.equal(1009);
    await closed();
  });

  it('the dispatcher - closing it closes WebSockets with 1001 and devices in order', async () => {
    const driver = await tcp();
    await open(driver);
    const device = await DeviceClient.connect(port);
    await driver.next();
    driver.write('127.0.0.1', 0, 'last words');
    expect(await device.hears('last words')).to.equal('last words');
    await running.service.close();
    expect((await driver.closed).code).to.equal(1001);
    await device.closed;
    running = await startService();
  });

  describe('udp', () => {
    let device: UdpSocket;

    beforeEach(async () => {
      device = createSocket('udp4').bind(0, '127.0.0.1');
      await once(device, 'listening');
    });

    afterEach(() => {
      device.close();
    });

    const udp = async (query: Record<string, string> = {}): Promise<BareDriver> => {
      const driver = await running.driver('udp', { port, accept: '127.0.0.1', ...query });
      await open(driver);
      return driver;
    };

    it('udp - datagrams of any size arrive whole, the empty one too', async () => {
      const driver = await udp();
      const from = { type: 2, address: '127.0.0.1', id: device.address().port };
      for (const size of [0, 1, 2_049, 65_507]) {
        device.send(Buffer.alloc(size, 0x61), port, '127.0.0.1');
        const heard = await driver.next();
        expect(heard).to.include(from);
        expect(heard.data.equals(Buffer.alloc(size, 0x61))).to.equal(true);
      }
      expect(running.service.statistics()).to.deep.equal({ ...empty, udp_listeners: { [port]: 1 } });
      await driver.leave();
      await closed();
    });

    it('udp - a driver writes from the port to any address, and CLOSE means nothing', async () => {
      const driver = await udp({ accept: '10.9.8.7' });
      driver.closeDevice('127.0.0.1', 5);
      driver.write('127.0.0.1', device.address().port, 'who is there?');
      const [bytes, remote] = await once(device, 'message');
      expect(String(bytes)).to.equal('who is there?');
      expect(remote).to.include({ address: '127.0.0.1', port });
      await driver.leave();
      await closed();
    });

    it('udp - a datagram of a stranger is dropped and counted', async () => {
      const driver = await udp({ accept: '127.0.0.2' });
      device.send('hello?', port, '127.0.0.1');
      await running.logged('datagram_dropped', (event) => event['reason'] === 'address');
      expect(await running.service.metrics()).to.include(
        'busbar_dispatch_datagrams_dropped_total{reason="address"} 1\n',
      );
      expect(driver.unread).to.equal(0);
      await driver.leave();
      await closed();
    });

    it('udp - a group is joined and left with its driver', async () => {
      const driver = await udp({ multicast: '239.7.7.7%127.0.0.1' });
      device.setMulticastInterface('127.0.0.1');
      device.send('to all', port, '239.7.7.7');
      expect((await driver.next()).data.toString()).to.equal('to all');
      await driver.leave();
      await closed();
    });

    it('udp - a group that is none closes the driver with 1008', async () => {
      const driver = await running.driver('udp', { port, accept: '127.0.0.1', multicast: '10.0.0.1' });
      const { code, reason } = await driver.closed;
      expect(code).to.equal(1008);
      expect(reason).to.include('10.0.0.1 cannot be joined');
    });

    it('udp - bad input of a driver is answered with a code', async () => {
      const noPort = await udp();
      noPort.write('127.0.0.1', 65_536, 'x');
      expect(await noPort.closed).to.deep.equal({ code: 1007, reason: '65536 is not a UDP port' });
      const tooLong = await running.driver('udp', { port, accept: '127.0.0.1' });
      tooLong.write('127.0.0.1', 9, Buffer.alloc(65_508));
      expect((await tooLong.closed).code).to.equal(1009);
    });

    it('udp - TCP on the same number is another port', async () => {
      const driver = await udp();
      const stream = await tcp();
      await running.logged('port_opened', (event) => event['protocol'] === 'tcp');
      expect(running.service.statistics()).to.deep.equal({
        udp_listeners: { [port]: 1 },
        tcp_listeners: { [port]: 1 },
        tcp_clients: { [port]: 0 },
      });
      await Promise.all([driver.leave(), stream.leave()]);
      await running.logged('port_closed', (event) => event['protocol'] === 'udp');
      await running.logged('port_closed', (event) => event['protocol'] === 'tcp');
    });
  });
});
