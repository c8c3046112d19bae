import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
import { Server } from 'socket.io';
import { socketIo, type SocketIoOptions } from '../../../lib/plugins/socket-io/index.ts';
import { contract, native, next, rejected, until } from '../../support/buses.ts';
import { countIn, newNode, Nodes } from './nodes.ts';

contract(
  'socket.io, nodes that come and go',
  (bus) => {
    let nodes: Nodes;
    beforeEach(async () => {
      nodes = await Nodes.open(bus());
    });
    afterEach(() => nodes.close());

    it('who does not answer - is waited for as long as was said, and what the others say counts', async () => {
      const { io } = nodes.at(0);
      for (const place of [0, 1]) nodes.at(place).page.on('ask', (done: (value: unknown) => void) => done(place));
      nodes.at(1).io.on('ask', (done: (value: unknown) => void) => done('first'));
      const [clients, servers] = await Promise.all([
        rejected(io.timeout(2_000).emitWithAck('ask')),
        rejected(io.serverSideEmitWithAck('ask')),
      ]);
      expect(clients.message).to.equal('operation has timed out');
      expect((clients as unknown as { responses: number[] }).responses.toSorted()).to.deep.equal([0, 1]);
      expect(servers.message).to.equal('timeout reached: missing 1 responses');
      expect((servers as unknown as { responses: unknown[] }).responses).to.deep.equal(['first']);
    }).timeout(15_000);

    it('nodes - that come later are told of those that are there, and they of it', async () => {
      const client = bus().newClient();
      const end = client.use(socketIo());
      const late = nodes.add(await newNode(end));
      expect(await countIn(late.io)).to.equal(1);
      await client.connect();
      expect(await countIn(late.io)).to.equal(4);
      const got = next(late.page, 'event');
      nodes.at(0).io.emit('event', 'x');
      expect(await got).to.deep.equal(['x']);
      await late.io.close();
      for (const { io } of nodes.all) await until(async () => (await countIn(io)) === 3);
    });

    it('nodes - of one process are nodes to each other', async () => {
      const client = bus().newClient();
      const end = client.use(socketIo());
      const [one, other] = [nodes.add(await newNode(end)), nodes.add(await newNode(end))];
      expect(await countIn(one.io)).to.equal(2);
      expect((await one.io.fetchSockets()).length).to.equal(2);
      await client.connect();
      expect([await countIn(one.io), await countIn(other.io)]).to.deep.equal([5, 5]);
      expect((await other.io.fetchSockets()).length).to.equal(5);
      await one.io.close();
      expect(await countIn(other.io)).to.equal(4);
    });

    it('a plugin - that comes after the connection is one as well', async () => {
      const client = await bus().client();
      const late = nodes.add(await newNode(client.use(socketIo())));
      await until(async () => (await countIn(late.io)) === 4);
    });

    it('a node - that closes settles what it asked with what was answered', async () => {
      const { io } = nodes.at(0);
      const asked = next(nodes.at(2).io, 'ask');
      nodes.at(1).io.on('ask', (done: (value: unknown) => void) => done('first'));
      const answer = new Promise((resolve) => {
        io.serverSideEmit('ask', (_error: unknown, answers: unknown) => resolve(answers));
      });
      await asked;
      await nodes.at(0).io.close();
      expect(await answer).to.be.an('array');
    });

    it('settings - that do not fit are refused', async () => {
      const wrong = (options: object) => () => bus().newServer().use(socketIo(options));
      expect(wrong({ alow: () => true }))
        .to.throw()
        .with.property('code', 'ERR_INVALID_OPTION');
      expect(wrong({ maxNamespaces: 0 }))
        .to.throw()
        .with.property('code', 'ERR_INVALID_OPTION');
      const atClient = () =>
        bus()
          .newClient()
          .use(socketIo({ maxNamespaces: 1 }));
      expect(atClient).to.throw().with.property('code', 'ERR_INVALID_OPTION');
      const { adapter } = bus().newClient().use(socketIo());
      const recovering = () => new Server({ adapter, connectionStateRecovery: {} });
      expect(recovering).to.throw().with.property('code', 'ERR_INVALID_OPTION');
    });
  },
  { on: ['unix'], speaking: [native] },
);

contract(
  'socket.io, nodes that are let in',
  (bus) => {
    async function joins(options: SocketIoOptions): Promise<string> {
      const server = bus().newServer();
      server.use(socketIo(options));
      await server.start();
      const client = bus().newClient();
      const node = await newNode(client.use(socketIo()));
      node.io.of('/second');
      const code = await client.connect().then(
        () => 'joined',
        ({ code: given }: { readonly code: string }) => given,
      );
      node.page.disconnect();
      await node.io.close();
      return code;
    }

    it('allow - admits by true alone', async () => {
      expect(await joins({ allow: async () => true })).to.equal('joined');
    });

    it('allow - that refuses says so', async () => {
      expect(await joins({ allow: () => false })).to.equal('ERR_UNAUTHORIZED');
    });

    it('allow - that fails by mistake has the client told to try again', async () => {
      const allow = (): boolean => {
        throw new TypeError('a mistake');
      };
      expect(await joins({ allow })).to.equal('ERR_UNAVAILABLE');
      expect(bus().takeErrors()).to.include('ERR_LISTENER');
    });

    it('maxNamespaces - is the most that one client has', async () => {
      expect(await joins({ maxNamespaces: 1 })).to.equal('ERR_QUEUE_FULL');
    });

    it('a node - without the hub is alone, and one of the others again with the next one', async () => {
      const client = bus().newClient();
      const node = await newNode(client.use(socketIo()));
      const alone = next(node.page, 'event');
      node.io.emit('event', 'alone');
      expect(await alone).to.deep.equal(['alone']);
      expect(await countIn(node.io)).to.equal(1);
      for (const round of [1, 2]) {
        const server = bus().newServer();
        const hub = await newNode(server.use(socketIo()));
        await server.start();
        if (round === 1) await client.connect();
        await until(async () => (await countIn(node.io)) === 2 && (await countIn(hub.io)) === 2);
        expect((await node.io.fetchSockets()).length).to.equal(2);
        const got = next(hub.page, 'event');
        node.io.emit('event', round);
        expect(await got).to.deep.equal([round]);
        hub.page.disconnect();
        await hub.io.close();
        await server.close(true);
      }
      node.page.disconnect();
      await node.io.close();
    });

    it('a server - without the plugin is no hub', async () => {
      await bus().server();
      const client = bus().newClient();
      client.use(socketIo());
      expect((await rejected(client.connect())).code).to.equal('ERR_PEER_LACKS_FEATURE');
    });
  },
  { on: ['unix'], speaking: [native] },
);
