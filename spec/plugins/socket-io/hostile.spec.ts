import { expect } from 'chai';
import { afterEach, beforeEach, it } from 'mocha';
import { type BusError, type Client, definePlugin, type Lane } from '../../../lib/index.ts';
import { socketIo } from '../../../lib/plugins/socket-io/index.ts';
import { contract, native, next, until } from '../../support/buses.ts';
import { countIn, newNode, Nodes } from './nodes.ts';

type Frame = readonly unknown[];

/** One end of the lane, with nothing behind it but what a spec says. */
function rawLane(heard: (frame: Frame) => void, answer: () => unknown = () => []) {
  const open = (host: { lane(handlers: object): Lane }): { api: Lane } => ({
    api: host.lane({ message: (data: Frame) => heard(data), request: answer }),
  });
  return definePlugin<Lane, Lane>({ name: 'socket.io', server: open, client: open });
}

const malformed: readonly unknown[] = [
  null,
  7,
  'broadcast',
  [],
  ['constructor'],
  ['__proto__', 'evil'],
  ['leave'],
  ['leave', 5],
  ['broadcast', 'evil'],
  ['broadcast', 'evil', {}, [], null, null, ['event'], null],
  ['broadcast', 'evil', [{}], [], null, null, ['event'], null],
  ['broadcast', 'evil', [], null, null, null, ['event'], null],
  ['broadcast', 'evil', [], [], 'yes', null, ['event'], null],
  ['broadcast', 'evil', [], [], null, null, 'event', null],
  ['broadcast', 'evil', [], [], null, null, [], null],
  ['broadcast', 'evil', [], [], null, null, [{}], null],
  ['broadcast', 'evil', [], [], null, null, ['disconnect'], null],
  ['broadcast', 'evil', [], [], null, null, ['connect'], null],
  ['broadcast', 'evil', [], [], null, null, ['event'], 5],
  ['join', 'evil', [], []],
  ['join', 'evil', [], [], 'room'],
  ['part', 'evil', [], [], [null]],
  ['disconnect', 'evil', [], [], 'yes'],
  ['fetch', 'evil', [], [], null],
  ['fetch', 'evil', [], [], 'x'.repeat(65)],
  ['emit', 'evil', null, null],
  ['emit', 'evil', ['connection', {}], null],
  ['emit', 'evil', ['new_namespace', {}], null],
  ['sockets', 'evil', 'to', 'request', {}],
  ['sockets', 'evil', 'to', 'request', [null]],
  ['sockets', 'evil', 'to', 'request', [{ id: 'x', handshake: {}, rooms: 5 }]],
  ['sockets', 'evil', 'to', 'request', [{ id: {}, handshake: {}, rooms: [] }]],
  ['count', 'evil', 'to', 'request', -1],
  ['count', 'evil', 'to', 'request', '1'],
  ['ack', 'evil', null, 'request', 1],
];

contract(
  'socket.io, hostile ends',
  (bus) => {
    let nodes: Nodes;
    beforeEach(async () => {
      nodes = await Nodes.open(bus(), 'the hub and two clients');
    });
    afterEach(() => nodes.close());

    interface Intruder {
      readonly client: Client;
      readonly heard: Frame[];
      say(...frame: Frame): Promise<void>;
      /** The code of a refusal. */
      enter(...entries: readonly unknown[]): Promise<string>;
    }

    async function intruder(heard: Frame[] = []): Promise<Intruder> {
      const client = bus().newClient();
      const lane = client.use(rawLane((frame) => heard.push(frame)));
      await client.connect();
      const ask = (data: unknown): Promise<string> =>
        lane.request(client, data).then(
          () => 'entered',
          ({ code }: BusError) => code,
        );
      const say = (...frame: Frame): Promise<void> => lane.send(client, frame);
      return { client, heard, say, enter: (...entries) => ask(['enter', entries]) };
    }

    /** An id of the hub's node, which is heard of with the first thing that it says. */
    async function idOfHub({ heard }: Intruder): Promise<string> {
      nodes.at(0).io.serverSideEmit('hello');
      await until(() => heard.some(([name]) => name === 'emit'));
      return String(heard.find(([name]) => name === 'emit')?.[1]);
    }

    async function expectAllIsWell(): Promise<void> {
      expect(await nodes.whoGets('well', () => nodes.at(1).io.emit('well'))).to.deep.equal([0, 1, 2]);
    }

    it('messages - that are none are told of, and reach nobody', async () => {
      const evil = await intruder();
      expect(await evil.enter(['evil', '/'])).to.equal('entered');
      const heard: unknown[] = [];
      for (const { io, page, socket } of nodes.all) {
        io.on('connection', () => heard.push('connection'));
        page.onAny((event: unknown) => heard.push(event));
        page.on('disconnect', () => heard.push('disconnect'));
        socket.on('disconnect', () => heard.push('disconnect'));
      }
      for (const [at, frame] of malformed.entries()) {
        await evil.say(...(Array.isArray(frame) ? (frame as Frame) : [frame]));
        // Not more than ten of a second are told.
        if (at < 10) await until(() => bus().errors.length === at + 1);
      }
      await evil.client.flush();
      expect(new Set(bus().takeErrors())).to.deep.equal(new Set(['ERR_PROTOCOL']));
      await evil.client.close();
      for (const { io } of nodes.all) await until(async () => (await countIn(io)) === 3);
      await expectAllIsWell();
      expect(heard.filter((event) => event !== 'well' && event !== 'end')).to.deep.equal([]);
      bus().takeErrors();
    });

    it('nodes - that are none, or those of others, are refused', async () => {
      const evil = await intruder();
      const wrong = [
        [null],
        ['evil'],
        [['evil']],
        [['evil', 5]],
        [['x'.repeat(65), '/']],
        [['evil', 'x'.repeat(1_025)]],
      ];
      for (const entries of wrong)
        expect(await evil.enter(...entries), JSON.stringify(entries)).to.equal('ERR_PROTOCOL');
      expect(await evil.enter(['twice', '/'], ['twice', '/'])).to.equal('ERR_STATE');
      expect(await evil.enter(['evil', '/'])).to.equal('entered');
      expect(await evil.enter(['evil', '/other'])).to.equal('ERR_STATE');
      const id = await idOfHub(evil);
      expect(await evil.enter([id, '/'])).to.equal('ERR_STATE');
      expect(await evil.enter(...Array.from({ length: 1_000 }, (_, at) => [`many ${at}`, '/']))).to.equal(
        'ERR_QUEUE_FULL',
      );
      await evil.say('leave', id);
      await evil.say('broadcast', id, [], [], null, null, ['stolen'], null);
      await evil.say('enter', 'more', '/');
      await evil.client.flush();
      expect(bus().takeErrors()).to.deep.equal(['ERR_PROTOCOL', 'ERR_PROTOCOL', 'ERR_PROTOCOL']);
      expect(await countIn(nodes.at(1).io)).to.equal(4);
      await expectAllIsWell();
    });

    it('answers - that nobody asked for, of another kind, or twice, count for nothing', async () => {
      const evil = await intruder();
      await evil.enter(['evil', '/'], ['elsewhere', '/other']);
      for (const { io } of nodes.all) await until(async () => (await countIn(io)) === 4);
      const { io } = nodes.at(1);
      const socket = (id: string) => ({ id, handshake: {}, rooms: [], data: undefined });
      const fetched = io.fetchSockets();
      await until(() => evil.heard.some(([name]) => name === 'fetch'));
      const [, to, , , request] = evil.heard.find(([name]) => name === 'fetch') ?? [];
      await evil.say('reply', 'evil', to, request, 'garbage');
      await evil.say('count', 'evil', to, request, 5);
      await evil.say('sockets', 'elsewhere', to, request, [socket('elsewhere')]);
      await evil.say('sockets', 'evil', to, 'another', [socket('another')]);
      await evil.say('sockets', 'evil', 'nobody', request, [socket('nobody')]);
      await evil.say('sockets', 'evil', to, request, [socket('its own')]);
      await evil.say('sockets', 'evil', to, request, [socket('twice')]);
      const ids = nodes.all.map((node) => node.socket.id);
      expect((await fetched).map(({ id }) => id)).to.have.members([...ids, 'its own']);

      for (const { page } of nodes.all) page.on('ask', (done: (value: unknown) => void) => done('client'));
      const acknowledged = io.timeout(2_000).emitWithAck('ask');
      await until(() => evil.heard.some(([name]) => name === 'broadcast'));
      const [, from, , , , , , asked] = evil.heard.find(([name]) => name === 'broadcast') ?? [];
      await evil.say('ack', 'evil', from, asked, 'too early');
      await evil.say('count', 'evil', from, asked, 1);
      await evil.say('count', 'evil', from, asked, 7);
      await evil.say('ack', 'evil', from, asked, 'its own');
      await evil.say('ack', 'evil', from, asked, 'one more');
      expect(await acknowledged).to.have.members(['client', 'client', 'client', 'its own']);
    });

    it('a node - is given nothing but what is known of a message', async () => {
      const evil = await intruder();
      await evil.enter(['evil', '/']);
      const got = next(nodes.at(1).page, 'event');
      await evil.say('broadcast', 'evil', [], [], null, null, ['event', { toJSON: 1 }], null, { id: '7[' }, 'more');
      expect(await got).to.deep.equal([{ toJSON: 1 }]);
      await expectAllIsWell();
    });
  },
  { on: ['unix'], speaking: [native] },
);

contract(
  'socket.io, ends that take nothing, and a hostile hub',
  (bus) => {
    it('an end that takes nothing - has so much kept for it, and the rest dropped, which is told once', async () => {
      const server = bus().newServer({ maxUnackedBytes: 65_536 });
      const hub = await newNode(server.use(socketIo({ maxWaitingBytes: 100_000 })));
      await server.start();
      const client = bus().newClient();
      const heard: unknown[] = [];
      const lane = client.use(rawLane((frame) => heard.push((frame[6] as readonly unknown[] | undefined)?.[1])));
      await client.connect();
      await lane.request(client, ['enter', [['idle', '/']]]);
      client.connection?.pause();
      for (let at = 0; at < 500; at += 1) hub.io.emit('event', at, 'x'.repeat(1_000));
      expect(bus().takeErrors()).to.deep.equal(['ERR_SLOW_CONSUMER']);
      client.connection?.resume();
      await until(() => {
        hub.io.emit('event', 'after');
        return heard.includes('after');
      });
      const kept = heard.indexOf('after');
      expect(kept).to.be.within(101, 400);
      expect(heard.slice(0, kept)).to.deep.equal(Array.from({ length: kept }, (_, at) => at));
      hub.page.disconnect();
      await hub.io.close();
    });

    it('a hub - that says what is none, or answers with it, is told of', async () => {
      const server = bus().newServer();
      let answer: unknown = 5;
      const lane = server.use(
        rawLane(
          () => undefined,
          () => answer,
        ),
      );
      await server.start();
      const refused = bus().newClient();
      refused.use(socketIo());
      expect(await refused.connect().catch(({ code }: BusError) => code)).to.equal('ERR_PROTOCOL');
      answer = [['other', '/']];
      const client = bus().newClient();
      const node = await newNode(client.use(socketIo()));
      await client.connect();
      expect(await countIn(node.io)).to.equal(2);
      const [connection] = server.connections.filter(({ id }) => id === client.id);
      if (connection === undefined) throw new Error('the client is not connected');
      for (const frame of malformed) await lane.send(connection, frame);
      for (const frame of [
        ['enter', 'stranger', '/nowhere'],
        ['leave', 'nobody'],
        ['broadcast', 'nobody', [], [], null, null, ['event'], null],
      ]) {
        await lane.send(connection, frame);
      }
      const asked = await lane.request(connection, ['enter', []]).catch(({ code }: BusError) => code);
      expect(asked).to.equal('ERR_PROTOCOL');
      expect(new Set(bus().takeErrors())).to.deep.equal(new Set(['ERR_PROTOCOL']));
      expect(await countIn(node.io)).to.equal(2);
      const got = next(node.page, 'event');
      await lane.send(connection, ['broadcast', 'other', [], [], null, null, ['event', 1], null]);
      expect(await got).to.deep.equal([1]);
      await lane.send(connection, ['leave', 'other']);
      await until(async () => (await countIn(node.io)) === 1);
      node.page.disconnect();
      await node.io.close();
    });
  },
  { on: ['unix'], speaking: [native] },
);
