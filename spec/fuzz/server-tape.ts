import { Client, type Connection, definePlugin, type Plugin, Server } from '../../lib/index.ts';
import { eventTypeIds } from '../../lib/plugins/gateway/index.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { encodeData } from '../../lib/plugins/dispatch/bus-messages.ts';
import { messageType } from '../../lib/plugins/dispatch/message.ts';
import { interserve } from '../../lib/plugins/interserve/index.ts';
import { proxy, remote } from '../../lib/plugins/rpc/index.ts';
import { MemoryNetwork } from '../../lib/testing/index.ts';
import { SeededRandom } from '../../lib/testing/seeded-random.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import type { Link } from '../../lib/transport/link.ts';
import { ClientHandshake } from '../../lib/wire/handshake/client-handshake.ts';
import { FrameType } from '../../lib/wire/native/header.ts';
import { methods, Visitor } from './visitor.ts';

/** What is agreed on with the visitor. */
export interface TapeTerms {
  readonly native?: boolean;
  readonly trusted?: boolean;
  readonly messagepack?: boolean;
  readonly compress?: boolean;
}

const ignore = (): void => {};
const digest = { sha256: 'ab'.repeat(32), bytes: 7 };
const device = { id: 3, address: '127.0.0.1', port: 4_000 };
const place = { path: '/t/1', key: 'k', ssl: false, accept: 'gzip', address: undefined, port: undefined };
const details = { url: '/x?a=1', query: 'a=1', headers: { host: 'h' }, remoteAddress: '127.0.0.1' };
const request = { ...details, method: 'GET', endpoint: '/x', params: {} };

interface Script {
  readonly answer: (data: unknown) => unknown;
  readonly notes: readonly unknown[];
  readonly asks?: readonly unknown[];
}

/** What plugins say that would need ports, devices or HTTP to say it by themselves; their servers say it as any other. */
const scripts: Readonly<Record<string, Script>> = {
  dispatch: {
    answer: () => 4_242,
    notes: [
      { op: 'opened', lease: 2, device },
      encodeData(2, messageType.received, device.address, device.id, Buffer.from('of a device')),
      encodeData(1, messageType.received, device.address, device.port, Buffer.from('a datagram')),
      { op: 'closed', lease: 2, device },
      { op: 'ended', lease: 1, code: 'ERR_LISTEN', message: 'gone' },
    ],
  },
  gateway: {
    answer: (data) => (Array.isArray(data) && data[0] === 'websocket' ? ['client'] : 1),
    notes: [
      [eventTypeIds.HTTP_REQUEST_STARTED, 'one', request, true],
      [eventTypeIds.HTTP_REQUEST_STARTED, 'two', { ...request, method: 'POST' }, false],
      [eventTypeIds.HTTP_DATA_RECEIVED, 'two', Buffer.from('body'), null],
      [eventTypeIds.HTTP_REQUEST_FINISHED, 'two', Buffer.alloc(0), null],
      [eventTypeIds.HTTP_CONNECTION_ABORTED, 'two', Buffer.alloc(0), null],
      [eventTypeIds.WEBSOCKET_CONNECTION_ESTABLISHED, 'client', details, false],
      [eventTypeIds.WEBSOCKET_MESSAGE_RECEIVED, 'client', Buffer.from('text'), false],
      [eventTypeIds.WEBSOCKET_CONNECTION_CLOSED, 'client', Buffer.from('why'), 1_000],
      [eventTypeIds.SERVER_STARTED_LISTENING, 'SERVER', Buffer.from('80'), 'http'],
    ],
  },
  interserve: {
    answer: () => ({ ok: true, receipt: { ...digest, resumed: 0 } }),
    notes: [
      { op: 'place', transfer: 1, place },
      { op: 'stop', way: 'up', transfer: 2, reason: 'aborted', message: 'no' },
      { op: 'digest', way: 'down', transfer: 1, digest },
      { op: 'stop', way: 'down', transfer: 2, reason: 'interrupted', message: 'no' },
    ],
    asks: [
      { op: 'offer', transfer: 1, content: { id: 'box', kind: 'bytes', size: 7, name: 'a' }, place },
      { op: 'offer', transfer: 2, content: { id: 'box', kind: 'string' }, place },
    ],
  },
};

/** What makes a worker forget all that it was told, so that it is not on each tape. */
const expelled = ['expelled'];

function scripted(name: string, last: readonly unknown[] = []): Plugin<(peer: Connection) => void, undefined> {
  const { answer, notes, asks = [] } = scripts[name] as Script;
  return definePlugin<(peer: Connection) => void, undefined>({
    name,
    server(host) {
      const lane = host.lane({ message: ignore, request: answer });
      const say = (peer: Connection): void => {
        for (const ask of asks) lane.request(peer, ask).catch(ignore);
        for (const note of [...notes, ...last]) lane.send(peer, note).catch(ignore);
      };
      return { api: say };
    },
    client: () => ({ api: undefined }),
  });
}

/** Notes what comes over `link`. */
function tapped(link: Link, told: Uint8Array[]): Link {
  const attach = link.attach.bind(link);
  link.attach = (events) =>
    attach({
      data(bytes) {
        told.push(bytes);
        events.data(bytes);
      },
      drain: () => events.drain(),
      close: (error) => events.close(error),
    });
  return link;
}

/** More than this the visitor has not sent when it hears the tape. */
const mostSent = 10;

/**
 * Native frames but for those that acknowledge what a visitor has not sent yet who hears all of them at once: they would
 * end each play of the tape where they stand.
 */
function withoutLateAcks(frames: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = [];
  const view = new DataView(frames.buffer, frames.byteOffset);
  for (let at = 0; at < frames.length; ) {
    const end = at + 4 + view.getUint32(at);
    const isLate = frames[at + 4] === FrameType.ack && view.getUint32(at + 8) > mostSent;
    if (!isLate) kept.push(frames.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}

/**
 * What a server with all plugins writes to a visitor behind its hello, from the first answer to the END; with
 * `hasTransfers` of its own, or those of a script.
 */
export async function serverTape(terms: TapeTerms, hasTransfers: boolean): Promise<Uint8Array> {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  const common = { url: 'memory:tape', network, clock, heartbeatIntervalMs: 20_000 };
  const server = new Server({ ...common, random: new SeededRandom(1), trusted: terms.trusted });
  server.handle((data) => data);
  remote(server, methods);
  const relay = server.use(channels());
  const says = [server.use(scripted('dispatch')), server.use(scripted('gateway', hasTransfers ? [] : [expelled]))];
  const transfers = hasTransfers ? server.use(interserve({ share: true })) : undefined;
  if (transfers === undefined) says.push(server.use(scripted('interserve')));
  transfers?.add('box');
  transfers?.receive('box', ignore);
  await server.start();

  const owner = new Client({ ...common, random: new SeededRandom(2) });
  const rooms = owner.use(channels());
  owner.connect().catch(ignore);
  await clock.run(1);
  const opening = rooms.create('room');
  await clock.run(1);
  const room = await opening;
  remote(room, methods);
  room.on('userConnect', (user) => {
    void room.send(user, Buffer.from('to a user'));
    proxy<typeof methods>(room, user).echo(1).catch(ignore);
  });

  const told: Uint8Array[] = [];
  const visitor = new Visitor({ ...common, ...terms, random: new SeededRandom(3) }, (dial) => async (signal) => {
    return tapped(await dial(signal), told);
  });
  await clock.run(1);
  const connection = server.connections.find(({ id }) => id === visitor.client.id);
  if (connection === undefined) throw new Error('the visitor was not admitted');
  visitor.ask('all');
  await clock.run(1);

  connection.send({ type: 'position', id: 7 }).catch(ignore);
  connection.send('confirmed', { confirm: true }).catch(ignore);
  connection.request([1, 'a'], 1_000).catch(ignore);
  connection.ping('echo').catch(ignore);
  server.broadcast({ all: true }).catch(ignore);
  relay.publish('a/b', { topic: 1 }).catch(ignore);
  room.broadcast(Buffer.from('to all')).catch(ignore);
  if (connection.delivery === 'session') {
    const other = proxy<typeof methods>(server, connection);
    other.echo({ a: [1] }).catch(ignore);
    other.hear(ignore, methods.count()).catch(ignore);
    for (const say of says) say(connection);
    const entering = rooms.enter('mine');
    await clock.run(1);
    const mine = await entering;
    void mine.send(Buffer.from('to the owner'));
    proxy<typeof methods>(mine).echo(1).catch(ignore);
    transfers?.send('box', 'content', connection).receipt.catch(ignore);
    const stopped = transfers?.send('box', 'content', connection);
    stopped?.receipt.catch(ignore);
    await clock.run(1);
    stopped?.abort();
    mine.leave();
    room.kick(0, 'go');
  }
  connection.pause();
  connection.resume();
  await clock.run(30_000);
  relay.close('mine');
  connection.close('done').catch(ignore);
  await clock.run(30_000);
  const closing = server.close();
  await clock.run(30_000);
  await closing;
  owner.destroy();
  await owner[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await visitor.leave((ms) => clock.run(ms));
  const busbar = {
    versions: [1],
    features: ['records', 'shared-records', 'withdrawn', 'handled'],
    maxFrameBytes: 1_048_576,
  };
  const hello = { compress: true, messagepack: true, extras: undefined, id: null, busbar };
  const step = new ClientHandshake({ hello }).feed(Buffer.concat(told));
  if (step?.type !== 'open') throw new Error('the tape holds no hello');
  return terms.native === false ? step.rest : withoutLateAcks(step.rest);
}
