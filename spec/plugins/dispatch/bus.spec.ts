import { expect } from 'chai';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { it } from 'mocha';
import { type Device } from '../../../lib/plugins/dispatch/index.ts';
import { contract, native, next, rejected, until } from '../../support/buses.ts';
import { DeviceClient } from './device-client.ts';
import { record, run } from './running.ts';

const empty = { udp_listeners: {}, tcp_listeners: {}, tcp_clients: {} };

contract(
  'dispatch on the bus',
  (bus) => {
    it('tcp - a port is opened, tells what its devices do, writes to them, and is given back', async () => {
      const { dispatcher, ports } = await run(bus());
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      const told = record(port);
      const device = await DeviceClient.connect(port.port);
      device.send('hello');
      await until(() => told.length === 2);
      const [known] = [...port.devices.values()];
      expect(known).to.deep.equal({ id: 0, address: '127.0.0.1', port: device.localPort });
      await port.write(known!, 'good');
      await port.write(known!, Buffer.from('bye'));
      await port.close(known!);
      expect(await device.hears('goodbye')).to.equal('goodbye');
      await until(() => told.length === 3);
      expect(told).to.deep.equal(['opened 127.0.0.1 0', 'received 0 hello', 'closed 0']);
      expect(await rejected(port.write(known!, 'too late'))).to.have.property('code', 'ERR_DEVICE_GONE');
      expect(dispatcher.statistics()).to.deep.equal({
        ...empty,
        tcp_listeners: { [port.port]: 1 },
        tcp_clients: { [port.port]: 0 },
      });
      await port.release();
      expect(dispatcher.statistics()).to.deep.equal(empty);
      expect(await rejected(port.write(known!, 'x'))).to.have.property('code', 'ERR_CLOSED');
      expect(told.at(-1)).to.equal('released');
      await port.release();
    });

    it('udp - datagrams come and go, whole', async () => {
      const { dispatcher, ports } = await run(bus());
      const port = await ports.udp({ port: 0, accept: ['127.0.0.0/8'] });
      const heard: [Device, Buffer][] = [];
      port.on('received', (...event) => heard.push(event));
      const device = createSocket('udp4').bind(0, '127.0.0.1');
      await once(device, 'listening');
      // The port starts with its first listener; datagrams before that are dropped.
      await until(() => {
        device.send('', port.port, '127.0.0.1');
        return heard.length > 0;
      });
      heard.length = 0;
      device.send(Buffer.alloc(65_507, 1), port.port, '127.0.0.1');
      await until(() => heard.some(([, bytes]) => bytes.length === 65_507));
      expect(heard.at(-1)?.[0]).to.deep.equal({
        id: device.address().port,
        address: '127.0.0.1',
        port: device.address().port,
      });
      const answer = once(device, 'message');
      await port.write({ address: '127.0.0.1', port: device.address().port }, 'pong');
      expect(String((await answer)[0])).to.equal('pong');
      expect(await rejected(port.write({ address: '127.0.0.1', port: 1 }, Buffer.alloc(65_508)))).to.have.property(
        'code',
        'ERR_TOO_LARGE',
      );
      expect(await rejected(port.write({ address: '127.0.0.1', port: 0 }, 'x'))).to.have.property(
        'code',
        'ERR_INVALID_ARGUMENT',
      );
      device.close();
      await port.release();
      expect(dispatcher.statistics()).to.deep.equal(empty);
    });

    it('a link that breaks - the port and its devices stay, and what came meanwhile follows', async () => {
      const { server, dispatcher, client, ports } = await run(bus());
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      const told = record(port);
      const device = await DeviceClient.connect(port.port);
      device.send('before');
      await until(() => told.length === 2);
      const session = next(client, 'session');
      bus().cut(server.connection(client.id!)!);
      device.send('meanwhile');
      const second = await DeviceClient.connect(port.port);
      second.send('me too');
      expect(await session).to.deep.include.members([{ outcome: 'resumed', id: client.id }]);
      await until(() => told.length === 5, 'five events');
      expect(told).to.include.members(['received 0 meanwhile', 'opened 127.0.0.1 1', 'received 1 me too']);
      await port.write(port.devices.get(0)!, 'still yours');
      expect(await device.hears('still yours')).to.equal('still yours');
      expect(dispatcher.statistics().tcp_clients).to.deep.equal({ [port.port]: 2 });
      await port.release();
      await Promise.all([device.closed, second.closed]);
    });

    it('a client that leaves - its ports are closed, and its own end is told', async () => {
      const { dispatcher, client, ports } = await run(bus());
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      const told = record(port);
      const device = await DeviceClient.connect(port.port);
      await until(() => told.length === 1);
      await client.close();
      await device.closed;
      expect(told.at(-1)).to.equal('released');
      expect(dispatcher.statistics()).to.deep.equal(empty);
    });

    it('a server that closes - ends its ports with the reason', async () => {
      const { server, ports } = await run(bus());
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      const told = record(port);
      const device = await DeviceClient.connect(port.port);
      await until(() => told.length === 1);
      await server.close();
      await device.closed;
      await until(() => told.length === 2);
      expect(told).to.deep.equal(['opened 127.0.0.1 0', 'released ERR_CLOSED']);
    });
  },
  { on: ['memory', 'unix', 'tcp'], speaking: [native] },
);
