import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { Client, Connection, Server } from '../../lib/index.ts';
import type { Device } from '../../lib/plugins/dispatch/index.ts';
import { proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { Bus, native, until } from '../support/buses.ts';
import { Waiters } from '../support/waiters.ts';
import { Meeting, next } from './channels/meeting.ts';
import { DeviceClient } from './dispatch/device-client.ts';
import { join } from './dispatch/running.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';

interface Pair {
  readonly server: Server;
  readonly client: Client;
  readonly connection: Connection;
}

const endings: Readonly<Record<string, (pair: Pair) => unknown>> = {
  'client.close()': ({ client }) => client.close(),
  'client.destroy()': ({ client }) => client.destroy(),
  'connection.close()': ({ connection }) => connection.close(),
  'connection.destroy()': ({ connection }) => connection.destroy(),
  'server.close()': ({ server }) => server.close(),
  'the link breaks for good': ({ client }) => client.connection?.destroy(),
};

const leaving = { closeTimeoutMs: 50, reconnect: false };
const never = (): Promise<never> => new Promise(() => undefined);

/** What of `waiters` has not settled by the end of the turn in which `client` tells of its end. */
async function lateAfter(ending: string, pair: Pair, waiters: Waiters): Promise<string[]> {
  expect([...waiters.settled], 'settled before the end').to.deep.equal([]);
  const told = new Promise<string[]>((resolve) => {
    pair.client.once('close', () => setImmediate(() => resolve(waiters.waiting)));
  });
  void endings[ending]?.(pair);
  const late = await told;
  await until(
    () => waiters.waiting.length === 0,
    () => `${waiters.waiting.join(', ')} to settle`,
  );
  return late;
}

/** Sends until one has to wait, which is the last one. */
async function stall(send: () => Promise<void>): Promise<{ readonly last: Promise<void> }> {
  let last: Promise<void> = Promise.resolve();
  let isWaiting = false;
  for (let sent = 0; !isWaiting; sent++) {
    expect(sent, 'sends that none had to wait for').to.be.below(100);
    last = send();
    isWaiting = true;
    void last.then(
      () => (isWaiting = false),
      () => undefined,
    );
    for (let turns = 0; turns < 200 && isWaiting; turns++) await new Promise((resolve) => setImmediate(resolve));
  }
  return { last };
}

for (const ending of Object.keys(endings)) {
  describe(`what waits at the ends of plugins settles in the turn in which the end is told: ${ending}`, () => {
    let meeting: Meeting | undefined;
    let bus: Bus | undefined;

    afterEach(async () => {
      await meeting?.close();
      await bus?.close();
      meeting = bus = undefined;
    });

    for (const waits of ['the owner', 'a user'] as const) {
      it(`channels - a message of ${waits} to one who does not keep up, and a remote call`, async () => {
        meeting = await new Meeting('unix', {}, { maxUnackedBytes: 65_536, closeTimeoutMs: 50 }).start();
        const [ownerRooms, ofOwner] = await meeting.client(leaving);
        const [userRooms, ofUser] = await meeting.client(leaving);
        const owner = await ownerRooms.create('room');
        const known = next(owner, 'userConnect');
        const user = await userRooms.enter('room');
        await known;
        remote(owner, { wait: never });
        remote(user, { wait: never });
        const waiters = new Waiters();
        const [waiting, other] = waits === 'the owner' ? [ofOwner, ofUser] : [ofUser, ofOwner];
        const end = waits === 'the owner' ? proxy<{ wait(): unknown }>(owner, 0) : proxy<{ wait(): unknown }>(user);
        waiters.add('remote call', Promise.resolve(end.wait()));
        await until(() => other.connection !== undefined);
        other.connection?.pause();
        const body = Buffer.alloc(65_536);
        const { last } = await stall(() => (waits === 'the owner' ? owner.send(0, body) : user.send(body)));
        waiters.add('send', last);
        const connection = meeting.server.connection(waiting.id ?? '') as Connection;
        const late = await lateAfter(ending, { server: meeting.server, client: waiting, connection }, waiters);
        other.connection?.resume();
        expect(late).to.deep.equal([]);
      });
    }

    it('dispatch - a loop over the events of a port, and a write to a device that does not read', async () => {
      bus = new Bus('unix', { ...native, client: leaving });
      const server = await bus.server({ closeTimeoutMs: 50 });
      server.use(dispatch({ closeTimeoutMs: 50 }));
      const { client, ports } = await join(bus);
      const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
      const events = port[Symbol.asyncIterator]();
      const device = await DeviceClient.connect(port.port);
      device.socket.pause();
      const opened = (await events.next()).value as { readonly device: Device };
      const waiters = new Waiters();
      waiters.add('the next event', events.next());
      const { last } = await stall(() => port.write(opened.device, Buffer.alloc(262_144)));
      waiters.add('write', last);
      const connection = server.connections[0] as Connection;
      expect(await lateAfter(ending, { server, client, connection }, waiters)).to.deep.equal([]);
      device.socket.destroy();
      bus.takeErrors();
    });
  });
}
