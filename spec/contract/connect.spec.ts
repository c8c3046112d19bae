import { expect } from 'chai';
import { it } from 'mocha';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { Client, ClientStatus, Connection } from '../../lib/index.ts';
import { contract, hasListener, hasSocket, json, kinds, native, next, rejected, until } from '../support/buses.ts';

contract('connecting', (bus, dialect, kind) => {
  it('resolves the client, with the statuses and events of both ends', async () => {
    const server = bus().newServer();
    const ready = next(server, 'ready');
    expect(server.server).to.equal(undefined);
    expect(await server.start()).to.equal(server);
    const [address] = await ready;
    expect(address).to.equal(server.address);
    await server.close();

    const again = await bus().server();
    if (hasListener(kind)) expect(again.server?.listening).to.equal(true);
    const connected = next(again, 'connect');
    const client = bus().newClient();
    const statuses: number[] = [];
    client.on('status', (status) => statuses.push(status));
    const isReady = next(client, 'ready');
    expect(client.status).to.equal(ClientStatus.IDLE);
    expect(client.id).to.equal(undefined);
    expect(await client.connect({ who: 'me' })).to.equal(client);
    expect(statuses).to.deep.equal([ClientStatus.CONNECTING, ClientStatus.CONNECTED, ClientStatus.READY]);
    expect(client.status).to.equal(3);

    const [info] = await isReady;
    expect(info).to.deep.equal({
      id: client.id,
      compress: dialect.client.compress ?? false,
      messagepack: dialect.client.messagepack ?? false,
    });
    const [connection, payload] = await connected;
    if (!(connection instanceof Connection)) throw new Error('no connection');
    expect(payload).to.deep.equal({ who: 'me' });
    expect(connection.id).to.equal(client.id);
    expect(connection.server).to.equal(again);
    expect(again.connections).to.deep.equal([connection]);
    expect(again.connection(connection.id)).to.equal(connection);
    expect(again.connection('nobody')).to.equal(undefined);
    for (const end of [client, connection]) {
      expect(end.delivery).to.equal(dialect.tier);
      expect(end.linkKind).to.equal(kind);
      expect(end.remoteAddress).to.be.a('string');
      expect(end.connection === undefined).to.equal(!hasSocket(kind));
    }
  });

  it('hands out no payload where none was given', async () => {
    const server = await bus().server();
    const connected = next(server, 'connect');
    await bus().client();
    expect((await connected)[1]).to.equal(undefined);
  });

  it('gives every client an id of the server’s own', async () => {
    const server = await bus().server();
    const clients = await Promise.all([bus().client(), bus().client(), bus().client()]);
    const ids = clients.map(({ id }) => id);
    expect(new Set(ids).size).to.equal(3);
    expect(server.connections.map(({ id }) => id)).to.have.members(ids);
  });

  it('takes the ids of generateID, and never one that is in use', async () => {
    const server = await bus().server({ generateID: () => 'same' });
    const first = await bus().client();
    const second = await bus().client();
    expect(first.id).to.equal('same');
    expect(second.id).to.be.a('string').that.is.not.equal('same');
    expect(server.connections).to.have.length(2);
  });

  it('is refused with ERR_STATE while connected, and possible again once closed', async () => {
    const { server, client } = await bus().pair();
    expect((await rejected(client.connect())).code).to.equal('ERR_STATE');
    const before = client.id;
    expect(await client.close()).to.equal(true);
    expect(client.id).to.equal(undefined);
    await until(() => server.connections.length === 0);
    await client.connect('again');
    expect(client.status).to.equal(ClientStatus.READY);
    expect(client.id).to.not.equal(before);
    expect(await client.ping()).to.be.a('number');
  });
});

contract(
  'an address nobody listens at',
  (bus, _dialect, kind) => {
    it('is tried 1 + retries times, then connect rejects ERR_CONNECT with the system error as cause', async () => {
      await (await bus().server()).close();
      const client = bus().newClient({ retries: 2 });
      const statuses: number[] = [];
      const closes: unknown[] = [];
      client.on('status', (status) => statuses.push(status));
      client.on('close', (reason) => closes.push(reason));
      const error = await rejected(client.connect());
      expect(error.code).to.equal('ERR_CONNECT');
      expect(error.cause).to.be.instanceOf(Error);
      expect((error.cause as { code?: string }).code).to.equal(kind === 'unix' ? 'ENOENT' : 'ECONNREFUSED');
      expect(statuses).to.deep.equal([1, 4, 5, 1, 4, 5, 1, 4, 0]);
      expect(closes).to.deep.equal([]);
      await bus().server(kind === 'tcp' || kind === 'tls' ? { port: bus().port } : {});
      await client.connect();
      expect(client.status).to.equal(3);
    });

    it('rejects connect at once without reconnect too', async () => {
      await (await bus().server()).close();
      const error = await rejected(bus().newClient({ retries: 0, reconnect: false }).connect());
      expect(error.code).to.equal('ERR_CONNECT');
    });

    it('is left when the client is closed or destroyed meanwhile', async () => {
      await (await bus().server()).close();
      for (const [end, code] of [
        ['close', 'ERR_CLOSED'],
        ['destroy', 'ERR_DESTROYED'],
      ] as const) {
        const client = bus().newClient({ retries: Number.POSITIVE_INFINITY });
        const failure = rejected(client.connect());
        await until(() => client.status === ClientStatus.RECONNECTING);
        expect(await client[end]('enough')).to.equal(true);
        expect((await failure).code).to.equal(code);
        expect(client.status).to.equal(0);
      }
    });

    it('is left before the first attempt when the client is closed in the same turn', async () => {
      await bus().server();
      const client = bus().newClient();
      const failure = rejected(client.connect());
      expect(await client.close()).to.equal(true);
      expect((await failure).code).to.equal('ERR_CLOSED');
      expect(client.status).to.equal(0);
      await client.connect();
      expect(client.status).to.equal(3);
    });

    it('lets a client that was destroyed while connecting connect in the same turn', async () => {
      const server = await bus().server();
      const client = bus().newClient();
      // It is connected for a moment only.
      const linked = new Promise<void>((resolve) =>
        client.on('status', (status) => status === ClientStatus.CONNECTED && resolve()),
      );
      const failure = rejected(client.connect());
      await linked;
      client.destroy();
      const connected = client.connect();
      expect((await failure).code).to.equal('ERR_DESTROYED');
      await connected;
      expect(client.status).to.equal(3);
      await until(() => server.connections.filter(({ attached }) => attached).length === 1);
      expect(server.connection(client.id!)?.attached).to.equal(true);
    });
  },
  { speaking: [native, json] },
);

contract(
  'a server that never answers',
  (bus, _dialect, kind) => {
    /** Listens where the bus is and says nothing. */
    async function mute(): Promise<() => Promise<void>> {
      const listening = createServer(() => {});
      const sockets = new Set<{ destroy(): void }>();
      listening.on('connection', (socket) => sockets.add(socket));
      listening.listen(kind === 'unix' ? { path: bus().path } : { port: 0, host: '127.0.0.1' });
      await once(listening, 'listening');
      return async () => {
        for (const socket of sockets) socket.destroy();
        listening.close();
        await once(listening, 'close');
      };
    }

    it('rejects connect with ERR_TIMEOUT or ERR_ABORTED, by number, timeout or signal', async () => {
      const close = await mute();
      try {
        const client = bus().newClient();
        expect((await rejected(client.connect('p', 30 as never))).code).to.equal('ERR_TIMEOUT');
        expect((await rejected(client.connect('p', { timeout: 30 }))).code).to.equal('ERR_TIMEOUT');
        const controller = new AbortController();
        const failure = rejected(client.connect('p', { signal: controller.signal }));
        await until(() => client.status === ClientStatus.CONNECTED);
        controller.abort(new Error('changed my mind'));
        const error = await failure;
        expect(error.code).to.equal('ERR_ABORTED');
        expect(error.cause).to.be.an('error').with.property('message', 'changed my mind');
        expect((await rejected(client.connect('p', { signal: AbortSignal.abort() }))).code).to.equal('ERR_ABORTED');
        expect(client.status).to.equal(0);
      } finally {
        await close();
      }
    });

    it('is given up after handshakeTimeoutMs, attempt by attempt', async () => {
      const close = await mute();
      try {
        const client = bus().newClient({ handshakeTimeoutMs: 300, retries: 1 });
        const statuses: number[] = [];
        client.on('status', (status) => statuses.push(status));
        expect((await rejected(client.connect())).code).to.equal('ERR_TIMEOUT');
        expect(statuses).to.deep.equal([1, 2, 4, 5, 1, 2, 4, 0]);
      } finally {
        await close();
      }
    });
  },
  { on: ['unix'], speaking: [native, json] },
);

contract(
  'starting',
  (bus, _dialect, kind) => {
    it('rejects ERR_ADDRESS_IN_USE with the system error as cause, and leaves the other server alone', async () => {
      const { client } = await bus().pair();
      const second = bus().newServer(kind === 'tcp' || kind === 'tls' ? { port: bus().port } : {});
      const error = await rejected(second.start());
      expect(error.code).to.equal('ERR_ADDRESS_IN_USE');
      expect(error.cause).to.be.instanceOf(Error).with.property('code', 'EADDRINUSE');
      expect(await client.ping()).to.be.a('number');
    });

    if (kind === 'tcp' || kind === 'tls') {
      it('rejects ERR_LISTEN with the system error as cause for an address that is not of this machine', async () => {
        const error = await rejected(bus().newServer({ host: '192.0.2.1', port: 0 }).start());
        expect(error.code).to.equal('ERR_LISTEN');
        expect(error.message).to.match(new RegExp(`^Cannot listen on ${kind}:192.0.2.1:0: `));
        expect(error.cause).to.be.instanceOf(Error).with.property('code', 'EADDRNOTAVAIL');
      });
    }

    it('is refused with ERR_STATE while started, possible again after close', async () => {
      const server = await bus().server();
      expect((await rejected(server.start())).code).to.equal('ERR_STATE');
      const closed = next(server, 'close');
      expect(await server.close()).to.equal(server);
      await closed;
      expect(server.address).to.equal(undefined);
      expect(server.server).to.equal(undefined);
      expect(await server.start()).to.equal(server);
    });

    it('and closing in the same turn leave nothing listening', async () => {
      const server = bus().newServer();
      const started = server.start().catch((error: unknown) => error);
      await server.close();
      await started;
      expect(server.address).to.equal(undefined);
      await bus().server();
    });
  },
  { on: kinds, speaking: [native] },
);

contract(
  'the client class',
  (bus) => {
    it('is one for all addresses, with its options in force', async () => {
      const { client } = await bus().pair();
      expect(client).to.be.instanceOf(Client);
      expect(client.options.reconnect).to.equal(true);
      expect(client.options.retries).to.equal(3);
      expect(Object.isFrozen(client.options)).to.equal(true);
    });
  },
  { on: ['memory'], speaking: [native] },
);
