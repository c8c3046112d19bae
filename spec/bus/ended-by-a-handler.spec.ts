import { expect } from 'chai';
import { it } from 'mocha';
import { type Client, definePlugin, type PeerHandle, type PluginHost } from '../../lib/index.ts';
import { contract, json, native, next, sleep, until } from '../support/buses.ts';

/** A plugin that notes what it hears in `log`, and does `then` with each peer that comes. */
function witness(log: string[], then: (peer: PeerHandle) => void = () => {}, name = 'witness') {
  const install = (host: PluginHost) => {
    host.onConnect((peer) => {
      log.push(`${name} connect`);
      then(peer);
    });
    host.onDisconnect(() => void log.push(`${name} disconnect`));
    host.onLink((_peer, up) => void log.push(`${name} link ${up}`));
    return { api: {} };
  };
  return definePlugin<object, object>({ name, server: install, client: install });
}

contract(
  'a handler that ends the conversation',
  (bus) => {
    it('server - hears of nothing after it, whatever came in one piece', async () => {
      const { server, client } = await bus().pair({}, { reconnect: false });
      const taken: unknown[] = [];
      server.on('message', (data, connection) => {
        taken.push(data);
        if (data === 3) connection?.destroy();
      });
      const closed = next(client, 'close');
      for (let number = 0; number < 10; number++) client.send(number).catch(() => {});
      await closed;
      expect(taken).to.deep.equal([0, 1, 2, 3]);
    });

    it('client - hears of nothing after it, whatever came in one piece', async () => {
      const { server, client, connection } = await bus().pair();
      const taken: unknown[] = [];
      client.on('message', (data) => {
        taken.push(data);
        if (data === 3) client.destroy();
      });
      const gone = next(server, 'disconnect');
      for (let number = 0; number < 10; number++) connection.send(number).catch(() => {});
      await gone;
      await until(() => taken.length >= 4);
      expect(taken).to.deep.equal([0, 1, 2, 3]);
    });
  },
  { on: ['memory', 'unix'], speaking: [native, json] },
);

contract(
  'a listener that ends the conversation as it begins',
  (bus, dialect) => {
    const endings = [
      {
        event: 'ready',
        end: (client: Client) => client.on('ready', () => void client.destroy()),
        heard: ['witness connect', 'ready', 'witness disconnect', 'close'],
      },
      {
        event: 'status',
        end: (client: Client) => client.on('status', (status) => void (status === 3 && client.destroy())),
        heard: ['witness disconnect', 'close'],
      },
    ];
    for (const { event, end, heard } of endings) {
      it(`client - of \`${event}\`: nobody hears of a beginning after the end`, async () => {
        const server = await bus().server();
        const client = bus().newClient();
        const log: string[] = [];
        client.use(witness(log));
        for (const name of ['ready', 'session', 'close'] as const) client.on(name, () => void log.push(name));
        end(client);
        await client.connect().catch(() => {});
        await until(() => server.connections.length === 0);
        expect(log).to.deep.equal(heard);
        expect(client.status).to.equal(0);
      });
    }

    it('server - of `connect`: nobody hears of a beginning after the end', async () => {
      const server = await bus().server();
      const log: string[] = [];
      server.use(witness(log));
      server.on('disconnect', () => void log.push('disconnect'));
      server.on('connect', (connection) => {
        log.push('connect');
        connection.on('session', () => void log.push('session'));
        connection.destroy();
      });
      const client = bus().newClient({ reconnect: false });
      const closed = next(client, 'close');
      await client.connect().catch(() => {});
      await closed;
      expect(log).to.deep.equal(['witness connect', 'connect', 'witness disconnect', 'disconnect']);
    });

    it('server - a plugin’s: nobody hears of a beginning after the end', async () => {
      const server = await bus().server();
      const log: string[] = [];
      server.use(witness(log, (peer) => void server.connection(peer.id!)?.destroy(), 'first'));
      server.use(witness(log, undefined, 'second'));
      for (const event of ['connect', 'disconnect'] as const) server.on(event, () => void log.push(event));
      const client = bus().newClient({ reconnect: false });
      const closed = next(client, 'close');
      await client.connect().catch(() => {});
      await closed;
      expect(log).to.deep.equal(['first connect', 'first disconnect', 'second disconnect', 'disconnect']);
    });

    if (dialect.tier === 'session') {
      it('client - of `undelivered`: no session follows', async () => {
        const { server, client, connection } = await bus().pair();
        const log: string[] = [];
        client.use(witness(log));
        server.pause();
        await client.send('nobody takes this');
        await sleep(20);
        for (const event of ['ready', 'session', 'undelivered', 'close'] as const) {
          client.on(event, () => void log.push(event));
        }
        client.on('undelivered', () => void client.destroy());
        const over = server.close();
        bus().cut(connection);
        await over;
        const closed = next(client, 'close');
        const successor = await bus().server();
        await closed;
        await until(() => successor.connections.every(({ attached }) => !attached));
        expect(log).to.deep.equal(['witness link false', 'undelivered', 'close', 'witness disconnect']);
        expect(client.status).to.equal(0);
        expect(client.connection).to.equal(undefined);
      });
    }
  },
  { on: ['memory', 'unix'], speaking: [native, json] },
);
