import { expect } from 'chai';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { it } from 'mocha';
import { BusError } from '../../../lib/index.ts';
import { type DeviceEvent, dispatch } from '../../../lib/plugins/dispatch/index.ts';
import { contract, native, rejected, until } from '../../support/buses.ts';
import { DeviceClient, freePort } from './device-client.ts';
import { BareDriver } from './bare-driver.ts';
import { join, record, run } from './running.ts';

const empty = { udp_listeners: {}, tcp_listeners: {}, tcp_clients: {} };

const memory = { on: ['memory'], speaking: [native] } as const;

contract(
  'dispatch drivers',
  (bus) => {
    it('for await - gives the events in order, and ends with the port', async () => {
      const { ports } = await run(bus());
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      const device = await DeviceClient.connect(port.port);
      device.send('one');
      const told: string[] = [];
      for await (const event of port) {
        told.push(event.type);
        if (event.type === 'received') await device.end();
        if (event.type === 'closed') await port.release();
      }
      expect(told).to.deep.equal(['opened', 'received', 'closed']);
    });

    it('for await - a port that is lost throws its reason, once', async () => {
      const { server, ports } = await run(bus());
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      const events = port[Symbol.asyncIterator]();
      expect(() => port[Symbol.asyncIterator]()).to.throw(BusError, 'A loop reads');
      const waiting = rejected(events.next());
      await server.close();
      expect(await waiting).to.have.property('code', 'ERR_CLOSED');
      expect(await events.next()).to.deep.equal({ value: undefined, done: true });
    });

    it('for await - a slow loop slows its device down, and loses nothing', async () => {
      const { ports, dispatcher } = await run(bus());
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      const events = port[Symbol.asyncIterator]();
      const device = await DeviceClient.connect(port.port);
      expect((await events.next()).value).to.have.property('type', 'opened');
      const total = 24 * 1_048_576;
      device.send(Buffer.alloc(total, 7));
      let heard = 0;
      const take = async (): Promise<DeviceEvent> => {
        const { value } = await events.next();
        if (value.type === 'received') heard += value.bytes.length;
        return value;
      };
      await take();
      const inBytes = async (): Promise<number> =>
        Number(/received_bytes_total\{transport="tcp"\} (\d+)/.exec(await dispatcher.metrics())?.[1]);
      let before = -1;
      // The dispatcher stops reading once the window is used up.
      for (let now = await inBytes(); now !== before; now = await inBytes()) {
        before = now;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(before).to.be.lessThan(2_000_000);
      while (heard < total) await take();
      expect(heard).to.equal(total);
      await port.release();
      await device.closed;
    });

    it('drivers of both faces - share a port, and a late one is told who is there after it has the port', async () => {
      const { dispatcher, ports } = await run(bus(), { port: 0, secret: 'x' });
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      const told = record(port);
      const device = await DeviceClient.connect(port.port);
      await until(() => told.length === 1);
      const bare = await BareDriver.open(
        `ws://127.0.0.1:${dispatcher.webPort}/api/server/tcp_dispatch?port=${port.port}&accept=127.0.0.1&bearer_token=x`,
      );
      expect(await bare.next()).to.include({ type: 0, id: 0 });
      const late = await join(bus());
      const shared = await late.ports.tcp({ port: port.port, accept: ['127.0.0.1', '127.0.0.1'] });
      expect(shared.devices.size).to.equal(0);
      const lateTold = record(shared);
      await until(() => lateTold.length === 1);
      device.send('all');
      expect((await bare.next()).data.toString()).to.equal('all');
      await until(() => lateTold.length === 2 && told.length === 2);
      expect(dispatcher.statistics()).to.deep.equal({
        ...empty,
        tcp_listeners: { [port.port]: 3 },
        tcp_clients: { [port.port]: 1 },
      });
      await late.client.close();
      await bare.leave();
      await port.release();
      await device.closed;
      await until(() => Object.keys(dispatcher.statistics().tcp_listeners).length === 0);
    });

    it('a server that is started again - dispatches again, over both faces', async () => {
      const { server, dispatcher, client } = await run(bus(), { port: 0, secret: 'x' });
      await client.close();
      for (let round = 0; round < 2; round++) {
        await server.close();
        expect(dispatcher.webPort).to.equal(undefined);
        await server.start();
        const again = await join(bus());
        const port = await again.ports.tcp({ port: 0, accept: '127.0.0.1' });
        const bare = await BareDriver.open(
          `ws://127.0.0.1:${dispatcher.webPort}/api/server/tcp_dispatch?port=${port.port}&accept=127.0.0.1&bearer_token=x`,
        );
        const told = record(port);
        const device = await DeviceClient.connect(port.port);
        expect(await bare.next()).to.include({ type: 0, id: 0 });
        await until(() => told.length === 1);
        await again.client.close();
        await bare.leave();
        await device.closed;
      }
    });

    it('a WebSocket port that is taken - fails the start with the reason, and the next one may succeed', async () => {
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const address = taken.address();
      const server = bus().newServer();
      const dispatcher = server.use(
        dispatch({ port: typeof address === 'object' && address !== null ? address.port : 0, secret: 'x' }),
      );
      const error = await rejected(server.start());
      expect([error.code, error.message.includes('dispatch cannot listen on 127.0.0.1')]).to.deep.equal([
        'ERR_ADDRESS_IN_USE',
        true,
      ]);
      taken.close();
      await once(taken, 'close');
      await server.start();
      expect(dispatcher.webPort).to.be.greaterThan(0);
    });

    it('tls - a device is heard in plain', async () => {
      const { ports } = await run(bus());
      const { connect } = await import('node:tls');
      const port = await ports.tls({ port: 0, accept: '127.0.0.1' });
      const told = record(port);
      const socket = connect({ port: port.port, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      socket.write('secret');
      await until(() => told.length === 2);
      expect(told[1]).to.equal('received 0 secret');
      await port.release();
      await once(socket.resume(), 'close');
    });

    it('refusals - reject with a code and the reason, and leave nothing open', async () => {
      const taken = createServer().listen(0, '0.0.0.0');
      await once(taken, 'listening');
      const address = taken.address();
      const busy = typeof address === 'object' && address !== null ? address.port : 0;
      const { dispatcher, ports } = await run(bus(), {
        maxPortsPerPeer: 1,
        allow: (peer, { port, protocol }) => {
          if (peer === undefined) throw new Error('a bus driver has a peer');
          if (port === 6_000) throw new BusError('ERR_OF_OURS', `no ${protocol} there`);
          return port !== 6_001;
        },
      });
      const refused: readonly [() => Promise<unknown>, string, string][] = [
        [() => ports.tcp({ port: busy, accept: '127.0.0.1' }), 'ERR_ADDRESS_IN_USE', `Port ${busy} is in use`],
        [() => ports.tcp({ port: 6_000, accept: '127.0.0.1' }), 'ERR_OF_OURS', 'no tcp there'],
        [() => ports.udp({ port: 6_001, accept: '127.0.0.1' }), 'ERR_UNAUTHORIZED', 'Port 6001 is not allowed'],
        [() => ports.udp({ port: 0, accept: 'localhost' }), 'ERR_INVALID_ARGUMENT', '"localhost" is not an IP address'],
        [
          () => ports.udp({ port: 0, accept: '::1', multicast: '10.0.0.1' }),
          'ERR_INVALID_ARGUMENT',
          '10.0.0.1 cannot be joined',
        ],
        [() => ports.tcp({ port: 65_536, accept: '::1' }), 'ERR_INVALID_OPTION', '"port"'],
        [
          () => ports.tcp(JSON.parse('{"port":1,"accept":"::1","acept":1}')),
          'ERR_INVALID_OPTION',
          'did you mean "accept"',
        ],
        [() => ports.tls({ port: 0, accept: '::1', key: 'none' }), 'ERR_INVALID_ARGUMENT', 'private_key'],
      ];
      for (const [open, code, reason] of refused) {
        const error = await rejected(open());
        expect([error.code, error.message.includes(reason)], error.message).to.deep.equal([code, true]);
      }
      const port = await ports.tcp({ port: 0, accept: '::1' });
      expect(await rejected(ports.udp({ port: 0, accept: '::1' }))).to.have.property('code', 'ERR_REFUSED');
      await port.release();
      expect(dispatcher.statistics()).to.deep.equal(empty);
      taken.close();
      await once(taken, 'close');
    });

    it('a device that reads nothing - writes wait, one too many is refused, and all settle when it is closed', async () => {
      const { ports } = await run(bus(), { maxDeviceBytes: 65_536, deviceTimeoutMs: 300 });
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      const device = await DeviceClient.connect(port.port);
      device.socket.pause();
      const told = record(port);
      await until(() => told.length === 1);
      const known = port.devices.get(0)!;
      const writes = Array.from({ length: 200 }, () =>
        port.write(known, Buffer.alloc(65_536)).then(
          () => 'sent',
          (error: BusError) => error.code,
        ),
      );
      const outcomes = new Set(await Promise.all(writes));
      expect([...outcomes].sort()).to.deep.equal(['ERR_DEVICE_GONE', 'ERR_QUEUE_FULL', 'sent']);
      await until(() => told.length === 2);
      expect(told).to.deep.equal(['opened 127.0.0.1 0', 'closed 0']);
      device.socket.resume();
      await device.closed;
      await port.release();
    });

    it('a caller that gives up - leaves no port open', async () => {
      const asked: (() => void)[] = [];
      const { dispatcher, ports } = await run(bus(), {
        allow: () => new Promise<void>((resolve) => asked.push(resolve)),
      });
      const abort = new AbortController();
      const port = ports.tcp({ port: await freePort(), accept: '::1', signal: abort.signal });
      await until(() => asked.length === 1);
      abort.abort();
      expect(await rejected(port)).to.have.property('code', 'ERR_ABORTED');
      asked[0]?.();
      await until(() => Object.keys(dispatcher.statistics().tcp_listeners).length === 0);
    });

    it('a listener that throws - reaches the error event and stops nothing', async () => {
      const { ports } = await run(bus());
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      port.on('opened', () => {
        throw new Error('mine');
      });
      const told = record(port);
      const device = await DeviceClient.connect(port.port);
      device.send('x');
      await until(() => told.length === 2);
      expect(bus().errors.map(({ message }) => message)).to.deep.equal(['mine']);
      bus().takeErrors();
      await port.release();
      await device.closed;
    });

    it('a server without the plugin - rejects as one that lacks it', async () => {
      await bus().server();
      const { ports } = await join(bus());
      expect(await rejected(ports.tcp({ port: 0, accept: '::1' }))).to.have.property('code', 'ERR_PEER_LACKS_FEATURE');
    });

    it('a driver that gives no credit - loses its port when its devices have come and gone too often', async () => {
      const { dispatcher } = await run(bus());
      const idle = bus().newClient();
      const told: unknown[] = [];
      const lane = idle.use({
        name: 'dispatch',
        install: (host) => ({ api: host.lane({ message: (data) => void told.push(data) }) }),
      });
      await idle.connect();
      const port = Number(
        await lane.request(idle, { op: 'open', lease: 1, protocol: 'tcp', port: 0, accept: ['127.0.0.1'] }),
      );
      await lane.send(idle, { op: 'credit', lease: 1, bytes: 1 });
      const isOpen = (): boolean => dispatcher.statistics().tcp_listeners[port] === 1;
      while (isOpen()) {
        const before = told.length;
        const devices = await Promise.all(Array.from({ length: 200 }, () => DeviceClient.connect(port)));
        await until(() => told.length >= before + 200 || !isOpen());
        for (const device of devices) device.socket.resetAndDestroy();
        await Promise.all(devices.map(({ closed }) => closed));
        await until(() => told.length >= before + 400 || !isOpen());
      }
      await until(() => JSON.stringify(told.at(-1)).includes('ended'));
      expect(told.at(-1)).to.include({ op: 'ended', lease: 1, code: 'ERR_SLOW_CONSUMER' });
      expect(told.length).to.be.lessThan(20_000);
    }).timeout(20_000);

    it('a client that sends nonsense - is refused, and nobody else notices', async () => {
      const { dispatcher, ports } = await run(bus());
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      const told = record(port);
      const hostile = bus().newClient();
      const lane = hostile.use({
        name: 'dispatch',
        install: (host) => ({ api: host.lane({}) }),
      });
      await hostile.connect();
      const requests: readonly unknown[] = [
        undefined,
        7,
        {},
        { op: 'fly', lease: 1 },
        { op: 'open', lease: -1 },
        { op: 'open', lease: 1, protocol: 'icmp', port: 1, accept: [] },
        { op: 'open', lease: 1, protocol: 'tcp', port: 70_000, accept: [] },
        { op: 'open', lease: 1, protocol: 'tcp', port: 1, accept: 'x' },
        { op: 'close', lease: 1 },
        { op: 'close', lease: 1, device: { id: 0, address: '127.0.0.1', port: 1 } },
        Buffer.alloc(0),
        Buffer.alloc(3),
        Buffer.alloc(100, 0xff),
      ];
      for (const request of requests) {
        const error = await rejected(lane.request(hostile, request));
        expect(['ERR_PROTOCOL', 'ERR_INVALID_ARGUMENT', 'ERR_CLOSED'], JSON.stringify(request)).to.include(error.code);
      }
      await lane.send(hostile, { op: 'credit', lease: 1, bytes: -5 });
      await lane.send(hostile, { op: 'credit', lease: 99, bytes: 5 });
      await until(() => bus().errors.length === 1);
      expect(bus().takeErrors()).to.deep.equal(['ERR_PROTOCOL']);
      const device = await DeviceClient.connect(port.port);
      await until(() => told.length === 1);
      expect(dispatcher.statistics().tcp_listeners).to.deep.equal({ [port.port]: 1 });
      await port.release();
      await device.closed;
    });
  },
  memory,
);
