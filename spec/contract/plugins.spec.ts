import { expect } from 'chai';
import { it } from 'mocha';
import {
  BusError,
  ClientStatus,
  definePlugin,
  type Lane,
  type PeerHandle,
  type PluginHost,
  Withdrawal,
} from '../../lib/index.ts';
import { contract, dialects, json, native, next, rejected, until } from '../support/buses.ts';

interface Side {
  readonly host: PluginHost;
  readonly lane: Lane;
  readonly log: unknown[];
}

/** A plugin that tells everything that happens to it. */
function telltale(name = 'telltale', log: unknown[] = []) {
  const install = (host: PluginHost) => {
    const lane = host.lane({
      message: (data, peer) => void log.push(['message', data, peer.id]),
      request: (data, { peer, signal, deadline }) => {
        if (data === 'fail') throw new BusError('ERR_REFUSED', 'no');
        return [name, host.side, data, peer.id, signal instanceof AbortSignal, typeof deadline];
      },
    });
    host.onStart(() => void log.push('start'));
    host.onConnect((peer, payload) => void log.push(['connect', peer.id, payload]));
    host.onLink((_peer, up) => void log.push(['link', up]));
    host.onDisconnect((_peer, reason) => void log.push(['disconnect', reason]));
    host.onClose(() => void log.push('close'));
    const api: Side = { host, lane, log };
    return { api, dispose: () => void log.push(`dispose ${name}`) };
  };
  return definePlugin<Side, Side>({ name, server: install, client: install });
}

const speaking = dialects.filter(({ tier }) => tier === 'session');

contract(
  'plugins',
  (bus) => {
    it('have a lane of their own both ways, beside the user’s', async () => {
      const { server, client, connection } = await bus().pair();
      const up = server.use(telltale());
      const down = client.use(telltale());
      const users: unknown[] = [];
      server.on('message', (message) => users.push(message));
      server.handle(() => 'the user');
      await down.lane.send(client, { at: 1 });
      await up.lane.send(connection, Buffer.from('raw'));
      await until(() => up.log.length > 1 && down.log.length > 1);
      expect(up.log.at(-1)).to.deep.equal(['message', { at: 1 }, client.id]);
      expect(down.log.at(-1)).to.deep.equal(['message', Buffer.from('raw'), client.id]);
      expect(await down.lane.request(client, 'q')).to.deep.equal([
        'telltale',
        'server',
        'q',
        client.id,
        true,
        'number',
      ]);
      expect(await up.lane.request(connection, 'q', { timeout: 0 })).to.deep.equal([
        'telltale',
        'client',
        'q',
        client.id,
        true,
        'undefined',
      ]);
      expect((await rejected(down.lane.request(client, 'fail'))).code).to.equal('ERR_REFUSED');
      await up.lane.broadcast(up.host.peers, 'all');
      await until(() => down.log.length > 2);
      expect(await client.request('x')).to.equal('the user');
      expect(users).to.deep.equal([]);
    });

    it('try to send - as long as there is room, and what waits then keeps its place', async () => {
      const { server, client } = await bus().pair();
      const up = server.use(telltale());
      const down = client.use(telltale());
      const sent: number[] = [];
      const body = (number: number): Buffer => Buffer.alloc(65_536, number % 251);
      while (sent.length < 10_000 && down.lane.trySend(client, body(sent.length))) sent.push(sent.length % 251);
      expect(sent.length).to.be.within(1, 9_999);
      await down.lane.send(client, 'late');
      const arrived = (): unknown[] =>
        up.log.flatMap((entry) => (Array.isArray(entry) && entry[0] === 'message' ? [entry[1]] : []));
      await until(() => arrived().length > sent.length, 'all that was sent');
      const data = arrived();
      expect(data.pop()).to.equal('late');
      expect(data.map((bytes) => (bytes as Buffer)[0])).to.deep.equal(sent);
      expect(() => down.lane.trySend(client, Symbol('none')))
        .to.throw()
        .with.property('code', 'ERR_UNENCODABLE');
      await client.close();
      expect(() => down.lane.trySend(client, 'over'))
        .to.throw()
        .with.property('code', 'ERR_CLOSED');
    });

    it('are installed before or after the start, and hear of what happens from then on', async () => {
      const server = bus().newServer();
      const early = server.use(telltale('early'));
      await server.start();
      const late = server.use(telltale('late'));
      expect([early.log, late.log]).to.deep.equal([['start'], ['start']]);
      expect([...early.host.peers]).to.deep.equal([]);
      const client = bus().newClient({ ...(bus().kind === 'tcp' ? { port: server.port } : {}) });
      const own = client.use(telltale('early'));
      await client.connect({ payload: 1 });
      expect([...early.host.peers] as PeerHandle[]).to.deep.equal(server.connections);
      expect([...own.host.peers] as PeerHandle[]).to.deep.equal([client]);
      const { id } = client;
      expect(early.log.at(-1)).to.deep.equal(['connect', id, { payload: 1 }]);
      expect(own.log).to.deep.equal(['start', ['connect', id, undefined]]);
      const again = next(client, 'session');
      bus().cut(server.connections[0]!);
      await again;
      await until(() => early.log.length === 4);
      expect(own.log.slice(2)).to.deep.equal([
        ['link', false],
        ['link', true],
      ]);
      await client.close('bye');
      await until(() => early.log.length === 5);
      expect(early.log.slice(2)).to.deep.equal([
        ['link', false],
        ['link', true],
        ['disconnect', 'bye'],
      ]);
      expect(own.log.slice(4)).to.deep.equal(['close', ['disconnect', 'bye']]);
    });

    it('go in reverse order', async () => {
      const server = await bus().server();
      const log: unknown[] = [];
      server.use(telltale('first', log));
      server.use(telltale('second', log));
      log.length = 0;
      await server[Symbol.asyncDispose]();
      expect(log).to.deep.equal(['close', 'close', 'dispose second', 'dispose first']);
    });

    it('are refused when the name is taken or a dependency is missing', async () => {
      const { server, client } = await bus().pair();
      for (const end of [server, client]) {
        end.use(telltale());
        expect((await rejected((async () => end.use(telltale()))())).code).to.equal('ERR_PLUGIN');
        const needy = { ...telltale('needy'), dependencies: ['absent'] };
        expect((await rejected((async () => end.use(needy))())).message).to.match(/"needy" needs "absent"/);
        end.use({ ...telltale('happy'), dependencies: ['telltale'] });
      }
    });

    it('get what those that were installed before offer', async () => {
      const { server, client } = await bus().pair();
      for (const end of [server, client]) {
        const first = end.use(telltale());
        const { host } = end.use({ ...telltale('second'), dependencies: ['telltale'] });
        expect(host.plugin('telltale')).to.equal(first);
        expect(host.plugin('absent')).to.equal(undefined);
      }
    });

    it('of a server choose among its connections, and ask them', async () => {
      const { server, client, connection } = await bus().pair({ surveyGraceMs: 30 });
      const second = await bus().client();
      const { host, lane } = server.use(telltale());
      const one = client.use(telltale());
      connection.join('red');
      expect([...host.select({ to: 'red' })]).to.deep.equal([connection]);
      expect([...host.select({ except: connection })]).to.deep.equal([server.connection(second.id ?? '')]);
      expect(() => host.select({ to: {} as never }))
        .to.throw()
        .with.property('code', 'ERR_INVALID_ARGUMENT');
      const answers = await lane.survey([...host.peers, connection], 'q');
      expect(answers.map(({ peer, status }) => [peer.id, status])).to.deep.equal([
        [client.id, 'fulfilled'],
        [second.id, 'rejected'],
      ]);
      expect(answers[1]).to.have.nested.property('reason.code', 'ERR_PEER_LACKS_FEATURE');
      expect(() => one.host.select({}))
        .to.throw()
        .with.property('code', 'ERR_STATE');
      expect(() => one.lane.survey([], 1))
        .to.throw()
        .with.property('code', 'ERR_STATE');
    });

    it('take a request back, and hear of it at the other end', async () => {
      const { server, client, connection } = await bus().pair();
      const fired: unknown[] = [];
      const waits = definePlugin<Lane, Lane>({
        name: 'waits',
        server: (host) => ({ api: host.lane({}) }),
        client: (host) => ({
          api: host.lane({
            request: (_data, { signal }) =>
              new Promise(() => signal.addEventListener('abort', () => fired.push(signal.reason.code))),
          }),
        }),
      });
      const lane = server.use(waits);
      client.use(waits);
      const withdrawal = new Withdrawal();
      const asked = rejected(lane.request(connection, 1, { withdrawal }));
      await client.ping();
      withdrawal.withdraw(new BusError('ERR_REFUSED', 'not any more'));
      expect((await asked).code).to.equal('ERR_REFUSED');
      await until(() => fired.length === 1);
      expect(fired).to.deep.equal(['ERR_ABORTED']);
    });

    it('are waited for by connect(), which nothing overtakes but answers', async () => {
      const server = await bus().server();
      const client = bus().newClient();
      const log: unknown[] = [];
      let fails = true;
      const prepares = definePlugin<Lane, Lane>({
        name: 'prepares',
        server: (host) => ({
          api: host.lane({ request: () => new Promise((done) => setTimeout(done, 20, 'answer')) }),
        }),
        client: (host) => {
          const lane = host.lane({ message: (data) => void log.push(data) });
          host.onReady(async () => {
            log.push(await lane.request([...host.peers][0] as PeerHandle, 1));
            if (fails) throw new BusError('ERR_REFUSED', 'not yet');
          });
          return { api: lane };
        },
      });
      const lane = server.use(prepares);
      server.on('connect', (connection) => {
        void connection.send('first words');
        void lane.send(connection, 'on the lane');
      });
      client.use(prepares);
      const closed = next(server, 'disconnect');
      expect((await rejected(client.connect())).code).to.equal('ERR_REFUSED');
      await closed;
      expect(log).to.deep.equal(['answer']);
      fails = false;
      await client.connect();
      log.push('connected');
      client.on('message', (message) => log.push(message));
      await until(() => log.length === 5);
      expect(log.slice(1, 3)).to.deep.equal(['answer', 'connected']);
      expect(log.slice(3)).to.have.members(['first words', 'on the lane']);
      fails = true;
      server.connections[0]?.destroy('lost');
      await until(() => bus().errors.some(({ code }) => code === 'ERR_REFUSED'));
      expect(client.status).to.equal(ClientStatus.READY);
      bus().takeErrors();
    });

    it('that are none are refused, also a factory whose call was forgotten', async () => {
      const { server, client } = await bus().pair();
      for (const end of [server, client]) {
        for (const given of [telltale, undefined, null, 'telltale', {}, { ...telltale(), name: '' }] as never[]) {
          const error = await rejected((async () => end.use(given))());
          expect([error.code, error.message]).to.deep.equal(['ERR_PLUGIN', 'use needs a plugin']);
        }
      }
    });

    it('that are missing at the other end reject ERR_PEER_LACKS_FEATURE', async () => {
      const { server, client, connection } = await bus().pair();
      const own = client.use(telltale('lonely'));
      expect((await rejected(own.lane.request(client, 'q'))).code).to.equal('ERR_PEER_LACKS_FEATURE');
      await own.lane.send(client, 'nobody hears');
      const theirs = server.use(telltale('other'));
      expect((await rejected(theirs.lane.request(connection, 'q'))).code).to.equal('ERR_PEER_LACKS_FEATURE');
      expect(await client.ping()).to.be.a('number');
    });

    it('whose hooks throw are reported, and fail start() with onStart', async () => {
      const server = bus().newServer();
      const broken = definePlugin({
        name: 'broken',
        server: (host) => {
          host.onConnect(() => {
            throw new Error('hook');
          });
          return { api: host };
        },
        client: (host) => {
          host.onStart(() => Promise.reject(new Error('not ready')));
          return { api: host };
        },
      });
      server.use(broken);
      await server.start();
      const address = bus().kind === 'tcp' ? { port: server.port } : {};
      await bus().newClient(address).connect();
      await until(() => bus().errors.length === 1);
      expect(bus().errors[0]?.message).to.equal('hook');
      bus().takeErrors();
      const client = bus().newClient(address);
      client.use(broken);
      expect((await rejected(client.connect())).message).to.equal('not ready');
      expect(client.status).to.equal(0);
    });
  },
  { on: ['memory', 'unix', 'tcp'], speaking },
);

contract(
  'plugins towards a net-ipc peer',
  (bus) => {
    it('reject ERR_PEER_LACKS_FEATURE, and throw it where there is no promise', async () => {
      const { server, client, connection } = await bus().pair();
      const up = server.use(telltale());
      const down = client.use(telltale());
      for (const [lane, peer] of [
        [up.lane, connection],
        [down.lane, client],
      ] as const) {
        expect((await rejected(lane.send(peer, 'x'))).code).to.equal('ERR_PEER_LACKS_FEATURE');
        expect(() => lane.trySend(peer, 'x'))
          .to.throw()
          .with.property('code', 'ERR_PEER_LACKS_FEATURE');
        expect((await rejected(lane.request(peer, 'x'))).code).to.equal('ERR_PEER_LACKS_FEATURE');
      }
      expect(await client.ping()).to.be.a('number');
    });
  },
  { on: ['memory', 'unix'], speaking: [json] },
);

contract(
  'a pause',
  (bus) => {
    it('leaves the lanes of plugins alone', async () => {
      const { server, client, connection } = await bus().pair();
      const up = server.use(telltale());
      const down = client.use(telltale());
      connection.pause();
      await down.lane.send(client, 'through');
      await until(() => up.log.some((one) => Array.isArray(one) && one[1] === 'through'));
      expect(await down.lane.request(client, 'q')).to.be.an('array');
    });
  },
  { on: ['memory', 'unix'], speaking: [native] },
);
