import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { Client, Server } from '../../../lib/index.ts';
import { type Device, type DispatchOptions, dispatch } from '../../../lib/plugins/dispatch/index.ts';
import { rejected, sleep, until } from '../../support/buses.ts';
import { freePort } from './device-client.ts';
import { startService } from './running-service.ts';

interface Driver {
  readonly port: number;
  /** What it was told, as words. */
  readonly told: string[];
  write(device: Pick<Device, 'address' | 'id' | 'port'>, text: string): Promise<void>;
  close(device: Pick<Device, 'address' | 'id' | 'port'>): Promise<void>;
  end(): Promise<void>;
}

const device = { address: '127.0.0.1', id: 0, port: 0 };
let count = 0;

async function onBus(protocol: 'tcp' | 'tls', options: DispatchOptions): Promise<Driver> {
  const url = `memory:half-close-${count++}`;
  const server = new Server({ url });
  server.use(dispatch({ deviceHost: '127.0.0.1', closeTimeoutMs: 500, ...options }));
  await server.start();
  const client = new Client({ url });
  const ports = client.use(dispatch());
  await client.connect();
  const port = await ports[protocol]({ port: 0, accept: '127.0.0.1' });
  const told: string[] = [];
  port.on('opened', ({ id }) => told.push(`opened ${id}`));
  port.on('received', ({ id }, bytes) => told.push(`received ${id} ${bytes.toString()}`));
  port.on('closed', ({ id }) => told.push(`closed ${id}`));
  return {
    port: port.port,
    told,
    write: (to, text) => port.write(to, text),
    close: (to) => port.close(to),
    end: async () => {
      await client.close();
      await server.close();
    },
  };
}

async function overWebSocket(protocol: 'tcp' | 'tls', options: DispatchOptions): Promise<Driver> {
  const running = await startService({ closeTimeoutMs: 500, ...options });
  const port = await freePort();
  const driver = await running.driver(protocol, { port, accept: '127.0.0.1' });
  const told: string[] = [];
  driver.socket.on('message', () => {
    void driver.next().then(({ type, id, data }) => {
      told.push(`${['opened', 'closed', 'received'][type]} ${id} ${data.toString()}`.trim());
    });
  });
  return {
    port,
    told,
    write: async ({ address, id }, text) => driver.write(address, id, text),
    close: async ({ address, id }) => driver.closeDevice(address, id),
    end: () => running.service.close(),
  };
}

describe('dispatch, devices that end their half of the connection', () => {
  let driver: Driver | undefined;

  afterEach(async () => {
    await driver?.end();
    driver = undefined;
  });

  async function dial(
    protocol: 'tcp' | 'tls',
    port: number,
  ): Promise<{ socket: Socket; closed: Promise<unknown>; heard: () => string }> {
    const to = { port, host: '127.0.0.1', allowHalfOpen: true };
    const socket = protocol === 'tcp' ? connect(to) : connectTls({ ...to, rejectUnauthorized: false });
    let text = '';
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined).on('data', (part) => (text += String(part)));
    await once(socket, protocol === 'tcp' ? 'connect' : 'secureConnect');
    return { socket, closed, heard: () => text };
  }

  const drivers = { 'on the bus': onBus, 'over WebSocket': overWebSocket };
  for (const [how, start] of Object.entries(drivers)) {
    for (const protocol of ['tcp', 'tls'] as const) {
      it(`${protocol}, a driver ${how} - is told at once, answers in its time, and the connection ends with its close`, async () => {
        driver = await start(protocol, { answerTimeoutMs: 60_000 });
        const { socket, closed, heard } = await dial(protocol, driver.port);
        socket.end('ping');
        const { told } = driver;
        await until(() => told.includes('closed 0'));
        expect(told).to.deep.equal(['opened 0', 'received 0 ping', 'closed 0']);
        const large = 'x'.repeat(300_000);
        await driver.write(device, 'you said ');
        await sleep(50);
        await driver.write(device, large);
        await driver.write(device, 'ping');
        await driver.close(device);
        await closed;
        expect(heard()).to.equal(`you said ${large}ping`);
      });

      it(`${protocol}, a driver ${how} - that says no more for a while has the connection ended`, async () => {
        driver = await start(protocol, { answerTimeoutMs: 100 });
        const { socket, closed, heard } = await dial(protocol, driver.port);
        socket.end('ping');
        const { told } = driver;
        await until(() => told.includes('closed 0'));
        await driver.write(device, 'once');
        await closed;
        expect(heard()).to.equal('once');
      });
    }
  }

  it('a device that was answered and closed - cannot be written to', async () => {
    driver = await onBus('tcp', {});
    const { socket, closed } = await dial('tcp', driver.port);
    socket.end('ping');
    const { told } = driver;
    await until(() => told.includes('closed 0'));
    await driver.close(device);
    expect(await rejected(driver.write(device, 'late'))).to.have.property('code', 'ERR_DEVICE_GONE');
    await closed;
  });

  it('a port that is full of those that wait for an answer - has room for one that has something to say', async () => {
    driver = await onBus('tcp', { maxDevices: 2, answerTimeoutMs: 60_000 });
    const { told } = driver;
    const waiting = [await dial('tcp', driver.port), await dial('tcp', driver.port)];
    for (const { socket } of waiting) socket.end();
    await until(() => told.filter((word) => word.startsWith('closed')).length === 2);
    const { socket } = await dial('tcp', driver.port);
    socket.write('hello');
    await until(() => told.includes('received 2 hello'));
    socket.destroy();
  });
});
