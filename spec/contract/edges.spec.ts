import { expect } from 'chai';
import { it } from 'mocha';
import { Client, type Connection, Server } from '../../lib/index.ts';
import { contract, eager, json, native, next, rejected, sleep, until } from '../support/buses.ts';

contract('the moment of connecting', (bus) => {
  it('brings ready before what the server sends from its connect listener', async () => {
    const server = await bus().server();
    const order: unknown[] = [];
    server.on('connect', (connection) => {
      void connection.send('welcome');
      connection.request('who?').then(
        (answer) => order.push(answer),
        (error: unknown) => order.push(error),
      );
    });
    const client = bus().newClient();
    client.on('ready', () => order.push('ready'));
    client.on('message', (message) => order.push(message));
    client.handle(() => 'me');
    await client.connect();
    await until(() => order.length === 3);
    expect(order).to.deep.equal(['ready', 'welcome', 'me']);
  });

  it('is early enough for the client to send and ask from its ready listener', async () => {
    const server = await bus().server();
    const got: unknown[] = [];
    server.on('message', (message) => got.push(message));
    server.handle(() => 'yes');
    const client = bus().newClient();
    client.on('ready', async () => {
      void client.send('hello');
      got.push(await client.request('may I?'));
    });
    await client.connect();
    await until(() => got.length === 2);
    expect(got).to.deep.equal(['hello', 'yes']);
  });

  it('may end with a close in the connect listener, whose reason the client hears', async () => {
    const server = await bus().server();
    const gone = next(server, 'disconnect');
    server.on('connect', (connection) => void connection.close('permission denied'));
    const client = bus().newClient();
    const closed = next(client, 'close');
    await client.connect().catch(() => {});
    expect(await closed).to.deep.equal(['permission denied']);
    expect((await gone)[1]).to.equal('permission denied');
    await sleep(120);
    expect(client.status).to.equal(0);
    expect(server.connections).to.deep.equal([]);
  });

  it('may end with the server closed from its connect listener', async () => {
    const server = await bus().server();
    const closing = new Promise((resolve) => server.on('connect', () => resolve(server.close())));
    const client = bus().newClient({ retries: 0 });
    const closed = next(client, 'close');
    // The client may hear of the end before it knows that it was let in.
    await client.connect().catch(({ code }: { code: string }) => expect(code).to.equal('ERR_CLOSED'));
    expect(await closing).to.equal(server);
    expect(await closed).to.deep.equal(['Server was shut down']);
  });
});

contract(
  'what both ends agree on',
  (bus, dialect) => {
    it('is no compression and no MessagePack where the server has neither', async () => {
      const server = await bus().server({ compress: false, messagepack: false });
      const client = bus().newClient({ compress: true, messagepack: true });
      const ready = next(client, 'ready');
      await client.connect();
      const [info] = await ready;
      expect(info).to.deep.equal({ id: client.id, compress: false, messagepack: dialect.tier === 'session' });
      const got = next(server, 'message');
      await client.send({ a: [1, 2, 3] });
      expect((await got)[0]).to.deep.equal({ a: [1, 2, 3] });
    });

    it('is the net-ipc dialect where one end wants no other', async () => {
      const server = await bus().server({ native: false });
      const client = await bus().client();
      expect([client.delivery, server.connections[0]?.delivery]).to.deep.equal(['legacy', 'legacy']);
      server.handle((request) => request);
      expect(await client.request('x')).to.equal('x');
    });

    it('may begin with an HTTP upgrade', async () => {
      const server = await bus().server();
      server.handle((request) => request);
      for (const handshake of [true, { host: 'bus.example', path: '/bus' }]) {
        const client = await bus().client({ handshake });
        expect(client.delivery).to.equal(dialect.tier);
        expect(await client.request('x')).to.equal('x');
      }
    });
  },
  { speaking: [native, json] },
);

contract(
  'a message over the receiver’s limit',
  (bus, dialect) => {
    it('is refused to the sender, or closes the link with one ERR_TOO_LARGE where the sender cannot know', async () => {
      const { server, client } = await bus().pair({ maxMessageBytes: 10_000 });
      const other = await bus().client();
      const sent = client.send('x'.repeat(50_000));
      if (dialect.tier === 'session') {
        expect((await rejected(sent)).code).to.equal('ERR_TOO_LARGE');
      } else {
        await sent;
        await next(server, 'disconnect');
        expect(bus().takeErrors()).to.deep.equal(['ERR_TOO_LARGE']);
        await until(() => client.status === 3 && server.connections.length === 2);
      }
      expect(await client.ping()).to.be.a('number');
      expect(await other.ping()).to.be.a('number');
    });
  },
  { speaking: [native, json] },
);

contract(
  'generateID',
  (bus) => {
    it('that throws or returns no id refuses the client and is reported', async () => {
      for (const generateID of [
        () => {
          throw new Error('no more ids');
        },
        () => 5,
        () => '',
        () => 'x'.repeat(200),
      ] as never[]) {
        const server = await bus().server({ generateID });
        const address = bus().port === 0 ? {} : { port: bus().port };
        const error = await rejected(
          bus()
            .newClient({ ...address, retries: 0 })
            .connect(),
        );
        expect(error.code).to.be.oneOf(['ERR_INVALID_OPTION', 'ERR_UNAVAILABLE']);
        expect(
          bus()
            .takeErrors()
            .filter((code) => code !== 'ERR_UNAVAILABLE'),
        ).to.have.length(1);
        expect(server.connections).to.deep.equal([]);
        await server.close();
      }
    });
  },
  { speaking: [native, json], on: ['memory', 'tcp'] },
);

contract(
  'addresses as one string',
  (bus, _dialect, kind) => {
    it('mean the same on both ends', async () => {
      const urls =
        kind === 'unix'
          ? [`unix:${bus().path}`, `unix://${bus().path}`]
          : ['tcp:127.0.0.1:0', 'tcp://127.0.0.1:0', '127.0.0.1:0'];
      for (const url of urls) {
        const server = await new Server({ url }).start();
        const client = new Client({ url: url.replace(/:0$/, `:${server.port}`), random: eager });
        await client.connect();
        const [connection] = server.connections as [Connection];
        expect(connection.linkKind).to.equal(kind);
        await client.close();
        await server.close();
      }
    });
  },
  { on: ['unix', 'tcp'], speaking: [native] },
);
