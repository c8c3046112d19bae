import { expect } from 'chai';
import fc from 'fast-check';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { systemClock } from '../../../lib/base/system-clock.ts';
import { AcceptList } from '../../../lib/plugins/dispatch/accept-list.ts';
import { Counters } from '../../../lib/plugins/dispatch/metrics.ts';
import type { Device } from '../../../lib/plugins/dispatch/driver.ts';
import type { Driver } from '../../../lib/plugins/dispatch/driver.ts';
import type { Lease } from '../../../lib/plugins/dispatch/lease.ts';
import { Meters } from '../../../lib/plugins/dispatch/metrics.ts';
import { Ports } from '../../../lib/plugins/dispatch/ports.ts';
import { rejected, sleep, until } from '../../support/buses.ts';
import { DeviceClient, freePort } from './device-client.ts';
import { stopwatch } from '../../support/stopwatch.ts';

const empty = { udp_listeners: {}, tcp_listeners: {}, tcp_clients: {} };
const loopback = new AcceptList(['127.0.0.1']);

/** Keeps what it is told. */
class Listener implements Driver {
  readonly name = 'a driver';
  readonly told: string[] = [];
  device: Device | undefined;

  opened(device: Device): void {
    this.device = device;
    this.told.push(`opened ${device.id}`);
  }

  received(device: Device, bytes: Uint8Array): boolean {
    this.told.push(`received ${device.id} ${Buffer.from(bytes).toString()}`);
    return true;
  }

  closed(device: Device): void {
    this.told.push(`closed ${device.id}`);
  }

  ended(reason: Error): void {
    this.told.push(`ended ${reason.message}`);
  }
}

describe('dispatch ports', () => {
  let ports: Ports;
  let events: string[];

  const make = (host = '::'): Ports =>
    new Ports({
      clock: systemClock,
      counters: new Counters(new Meters()),
      log: ({ event, protocol, port }) => events.push(`${event} ${protocol} ${port}`),
      host,
      proxies: undefined,
      limits: {
        maxDevices: 100,
        maxDeviceBytes: 65_536,
        deviceTimeoutMs: 1_000,
        answerTimeoutMs: 100,
        stallMs: 100,
        handshakeTimeoutMs: 1_000,
      },
    });

  beforeEach(() => {
    events = [];
    ports = make();
  });

  afterEach(async () => {
    await ports.close(1_000);
    expect(ports.statistics()).to.deep.equal(empty);
  });

  const open = (port: number, protocol: 'tcp' | 'udp' = 'tcp', driver: Driver = new Listener()): Promise<Lease> =>
    ports.open({ protocol, port, accept: loopback }, driver);

  it('drivers that ask at once - share one listener, which closes with the last of them', async () => {
    const port = await freePort();
    const leases = await Promise.all([open(port), open(port), open(port)]);
    expect(ports.statistics()).to.deep.equal({ ...empty, tcp_listeners: { [port]: 3 }, tcp_clients: { [port]: 0 } });
    for (const lease of leases) {
      expect(events).to.deep.equal([`port_opened tcp ${port}`]);
      lease.release();
      lease.release();
    }
    expect(events).to.deep.equal([`port_opened tcp ${port}`, `port_closed tcp ${port}`]);
    expect(ports.statistics()).to.deep.equal(empty);
  });

  it('a first driver that leaves at once - takes the port from nobody who waits for it', async () => {
    const port = await freePort();
    const first = open(port).then((lease) => lease.release());
    const second = open(port);
    const [, lease] = await Promise.all([first, second]);
    expect(ports.statistics().tcp_listeners).to.deep.equal({ [port]: 1 });
    lease.release();
  });

  it('a port that cannot be opened - fails all who wait for it, and leaves no entry', async () => {
    const taken = createServer().listen(0, '0.0.0.0');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const errors = await Promise.all([rejected(open(port)), rejected(open(port))]);
    for (const error of errors) {
      expect(error).to.have.property('code', 'ERR_ADDRESS_IN_USE');
      expect(error.cause).to.have.property('code', 'EADDRINUSE');
    }
    expect(ports.statistics()).to.deep.equal(empty);
    taken.close();
    await once(taken, 'close');
    (await open(port)).release();
  });

  it('an address that is not ours - fails with the reason of the system', async () => {
    ports = make('192.0.2.1');
    for (const protocol of ['tcp', 'udp'] as const) {
      const error = await rejected(open(0, protocol));
      expect(error).to.have.property('code', 'ERR_LISTEN');
      expect(error.message).to.include('EADDRNOTAVAIL');
    }
  });

  it('a port opened again - counts its devices from 0', async () => {
    const port = await freePort();
    for (let round = 0; round < 10; round++) {
      const driver = new Listener();
      const lease = await open(port, 'tcp', driver);
      lease.start();
      const device = await DeviceClient.connect(port);
      await until(() => driver.told.length === 1);
      lease.release();
      await device.closed;
      expect(driver.told).to.deep.equal(['opened 0']);
    }
  });

  it('a lease - delivers nothing before it is started, and loses nothing of a TCP device until then', async () => {
    const driver = new Listener();
    const lease = await open(0, 'tcp', driver);
    const device = await DeviceClient.connect(lease.port);
    device.send('early');
    await until(() => ports.statistics().tcp_clients[lease.port] === 1);
    expect(driver.told).to.deep.equal([]);
    lease.start();
    await until(() => driver.told.length === 2);
    expect(driver.told).to.deep.equal(['opened 0', 'received 0 early']);
    lease.release();
    await device.closed;
    expect(() => lease.write(driver.device!, Buffer.from('x')))
      .to.throw()
      .with.property('code', 'ERR_CLOSED');
  });

  it('a device that no lease wants any more - is closed, also one that nobody heard yet', async () => {
    const first = await open(0);
    const second = await ports.open(
      { protocol: 'tcp', port: first.port, accept: new AcceptList(['127.0.0.2']) },
      new Listener(),
    );
    const device = await DeviceClient.connect(first.port);
    await until(() => ports.statistics().tcp_clients[first.port] === 1);
    first.release();
    await device.closed;
    await until(() => ports.statistics().tcp_clients[second.port] === 0);
    expect(ports.statistics().tcp_listeners).to.deep.equal({ [second.port]: 1 });
    second.release();
  });

  it('a device that was withheld from a slow driver - is closed when the other one leaves', async () => {
    const slow = new Listener();
    slow.received = () => false;
    const first = await open(0, 'tcp', slow);
    const quick = new Listener();
    const lease = await open(first.port, 'tcp', quick);
    first.start();
    lease.start();
    const device = await DeviceClient.connect(first.port);
    for (const word of ['one', 'two', 'three']) {
      device.send(word);
      await until(() => quick.told.includes(`received 0 ${word}`));
    }
    await until(() => slow.told.length === 2);
    expect(slow.told).to.deep.equal(['opened 0', 'closed 0']);
    lease.release();
    await device.closed;
    await until(() => ports.statistics().tcp_clients[first.port] === 0);
    first.release();
  });

  it('closing - ends every lease with the reason, and refuses new ones', async () => {
    const driver = new Listener();
    const lease = await open(0, 'tcp', driver);
    lease.start();
    const device = await DeviceClient.connect(lease.port);
    await until(() => driver.told.length === 1);
    const opening = rejected(open(0, 'udp'));
    await ports.close(1_000);
    await device.closed;
    expect(driver.told).to.deep.equal(['opened 0', 'ended The dispatcher is closing']);
    expect(await opening).to.have.property('code', 'ERR_CLOSED');
    expect(await rejected(open(0))).to.have.property('code', 'ERR_CLOSED');
  });

  it('closing - does not wait longer than it may for a device that never closes', async () => {
    const driver = new Listener();
    const lease = await open(0, 'tcp', driver);
    lease.start();
    const device = await DeviceClient.connect(lease.port);
    device.socket.pause();
    await until(() => driver.told.length === 1);
    let lost: Promise<unknown> | undefined;
    while (lost === undefined) {
      const room = lease.write(driver.device!, Buffer.alloc(65_536));
      const outcome = room?.catch((error: unknown) => error);
      if (outcome !== undefined && (await Promise.race([outcome, sleep(50).then(() => 'full')])) === 'full')
        lost = outcome;
    }
    const elapsedMs = stopwatch();
    await ports.close(50);
    expect(elapsedMs()).to.be.lessThan(900);
    expect(await lost).to.have.property('code', 'ERR_DEVICE_GONE');
    device.socket.resume();
    await device.closed;
  });

  it('any order of opening and releasing - leaves the counts of a simple model', async () => {
    const numbers = [await freePort(), await freePort()];
    const step = fc.record({
      protocol: fc.constantFrom('tcp' as const, 'udp' as const),
      port: fc.nat({ max: 1 }),
      pick: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(step, fc.nat()), { maxLength: 25 }), async (steps) => {
        const held: { readonly lease: Lease; readonly key: string }[] = [];
        const check = (): void => {
          const model: Record<string, Record<string, number>> = {
            udp_listeners: {},
            tcp_listeners: {},
            tcp_clients: {},
          };
          for (const { key } of held) {
            const [kind = '', port = ''] = key.split(' ');
            const listeners = (model[`${kind}_listeners`] ??= {});
            listeners[port] = (listeners[port] ?? 0) + 1;
            if (kind === 'tcp') model['tcp_clients'] = { ...model['tcp_clients'], [port]: 0 };
          }
          expect(ports.statistics()).to.deep.equal(model);
        };
        for (const next of steps) {
          if (typeof next === 'number') {
            held.splice(next % (held.length || 1), 1)[0]?.lease.release();
          } else {
            const port = numbers[next.port] ?? 0;
            held.push({ lease: await open(port, next.protocol), key: `${next.protocol} ${port}` });
          }
          check();
        }
        for (const { lease } of held) lease.release();
        expect(ports.statistics()).to.deep.equal(empty);
      }),
      { numRuns: 30 },
    );
  });
});
