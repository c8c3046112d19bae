import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { BusError } from '../../../lib/index.ts';
import type { WebSocketServerOptions } from '../../../lib/plugins/gateway/index.ts';
import { SendStatus, WebSocketServer } from '../../../lib/plugins/gateway/index.ts';
import { VirtualClock } from '../../../lib/testing/virtual-clock.ts';
import { certificate } from '../../support/certificate.ts';
import { rejection } from '../../support/links.ts';
import { EventLog } from './event-log.ts';
import { RawClient, sayAll } from './raw-client.ts';
import { handshake, WebSocketClient } from './websocket-client.ts';

describe('websocket server', () => {
  const servers: WebSocketServer[] = [];
  const clients: WebSocketClient[] = [];

  async function serve(options: WebSocketServerOptions = {}) {
    const server = new WebSocketServer({ deferred: false, ...options });
    servers.push(server);
    const log = new EventLog(server);
    const port = await server.startListening(0);
    const join = (path = '/', clientOptions = {}, protocols: string[] = []): WebSocketClient => {
      const scheme = options.tls === undefined ? 'ws' : 'wss';
      const client = new WebSocketClient(`${scheme}://127.0.0.1:${port}${path}`, clientOptions, protocols);
      clients.push(client);
      return client;
    };
    return { server, log, port, join };
  }

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stopListening()));
    await Promise.all(
      clients.splice(0).map((client) => {
        client.ws.terminate();
        return client.closed;
      }),
    );
  });

  it('events - the five of one client that comes, speaks and vanishes, in order', async () => {
    const { server, log, join } = await serve({ deferred: true });
    const client = join();
    await client.opened;
    client.ws.send('hello');
    await log.until('WEBSOCKET_MESSAGE_RECEIVED');
    client.ws.terminate();
    await log.until('WEBSOCKET_CONNECTION_CLOSED');
    await server.stopListening();
    expect(log.names).to.deep.equal([
      'SERVER_STARTED_LISTENING',
      'WEBSOCKET_CONNECTION_ESTABLISHED',
      'WEBSOCKET_MESSAGE_RECEIVED',
      'WEBSOCKET_CONNECTION_CLOSED',
      'SERVER_STOPPED_LISTENING',
    ]);
    const [, established, message, closed] = log.events.map(({ payload }) => payload);
    expect(established?.clientID).to.match(/^[0-9a-f-]{36}$/);
    expect(message).to.include({ eventTypeID: 2, clientID: established?.clientID, isBinary: false });
    expect(message?.message.toString()).to.equal('hello');
    expect(closed).to.include({ eventTypeID: 3, clientID: established?.clientID, code: 1006 });
    expect(closed?.message.toString()).to.equal('Received TCP FIN before WebSocket close frame');
  });

  it('messages - text is told from binary, empty ones come too', async () => {
    const { log, join } = await serve();
    const client = join();
    await client.opened;
    client.ws.send('text');
    client.ws.send(Buffer.from([1, 2]));
    client.ws.send('');
    await log.until('WEBSOCKET_MESSAGE_RECEIVED', 3);
    const seen = log
      .of('WEBSOCKET_MESSAGE_RECEIVED')
      .map(({ message, isBinary }) => [message.toString('hex'), isBinary]);
    expect(seen).to.deep.equal([
      ['74657874', false],
      ['0102', true],
      ['', false],
    ]);
  });

  it('sending - broadcasts reach all, the newcomer too, direct messages their client, all in one order', async () => {
    const { server, join } = await serve();
    const names = ['A', 'B'];
    server.on('WEBSOCKET_CONNECTION_ESTABLISHED', (_, { clientID }) => {
      const name = names.shift();
      expect(server.broadcastTextMessage(`${name} text`)).to.equal(SendStatus.SUCCESS);
      expect(server.broadcastBinaryMessage(`${name} binary`)).to.equal(SendStatus.SUCCESS);
      expect(server.broadcastCompressedTextMessage(`${name} compressed`)).to.equal(SendStatus.SUCCESS);
      expect(server.sendTextMessageToClient(clientID, `${name} own text`)).to.equal(SendStatus.SUCCESS);
      expect(server.sendBinaryMessageToClient(clientID, `${name} own binary`)).to.equal(SendStatus.SUCCESS);
      expect(server.sendCompressedTextMessageToClient(clientID, `${name} own compressed`)).to.equal(SendStatus.SUCCESS);
    });
    const a = join();
    await a.until(6);
    const b = join();
    await Promise.all([a.until(9), b.until(6)]);
    const all = (name: string): string[] => [`${name} text`, `${name} binary`, `${name} compressed`];
    const own = (name: string): string[] => [`${name} own text`, `${name} own binary`, `${name} own compressed`];
    expect(a.texts).to.deep.equal([...all('A'), ...own('A'), ...all('B')]);
    expect(b.texts).to.deep.equal([...all('B'), ...own('B')]);
    expect(a.heard.map(({ isBinary }) => isBinary)).to.deep.equal(a.texts.map((text) => text.includes('binary')));
    expect(server.getNumConnectedClients()).to.equal(2);
  });

  it('compression - is used by the compressing functions alone, and a message crosses whole', async () => {
    const { server, log, join } = await serve();
    const client = join();
    await client.opened;
    const { clientID } = await log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    const bytesRead = (): number => (client.ws as unknown as { _socket: { bytesRead: number } })._socket.bytesRead;
    const text = 'a'.repeat(50_000);
    const before = bytesRead();
    server.sendCompressedTextMessageToClient(clientID, text);
    await client.until(1);
    expect(bytesRead() - before).to.be.lessThan(1000);
    server.sendTextMessageToClient(clientID, text);
    await client.until(2);
    expect(bytesRead() - before).to.be.greaterThan(50_000);
    expect(client.texts).to.deep.equal([text, text]);
  });

  it('echo - returns every message as it came, beside its event, until it is switched off', async () => {
    const { server, log, join } = await serve();
    server.setEchoMode(true);
    const client = join();
    await client.opened;
    client.ws.send('one');
    client.ws.send(Buffer.from('two'));
    await client.until(2);
    expect(client.heard).to.deep.equal([
      { text: 'one', isBinary: false },
      { text: 'two', isBinary: true },
    ]);
    server.setEchoMode(false);
    client.ws.send('three');
    await log.until('WEBSOCKET_MESSAGE_RECEIVED', 3);
    expect(client.heard).to.have.length(2);
    // @ts-expect-error: what a caller without types could do
    expect(() => server.setEchoMode('yes'))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
  });

  it('topics - reach their subscribers only, until they unsubscribe or leave', async () => {
    const { server, log, join } = await serve();
    const [a, b] = [join(), join()];
    await Promise.all([a.opened, b.opened]);
    await log.until('WEBSOCKET_CONNECTION_ESTABLISHED', 2);
    const ids = log.of('WEBSOCKET_CONNECTION_ESTABLISHED').map(({ clientID }) => clientID);
    for (const id of ids) expect(server.subscribe(id, 'all')).to.equal(true);
    server.subscribe(ids[0] ?? '', 'first');
    expect(server.getTopics(ids[0] ?? '')).to.deep.equal(['all', 'first']);
    expect(server.publishText('first', '1')).to.equal(SendStatus.SUCCESS);
    server.publishBinary('all', '2');
    expect(server.publishText('nobody', '3')).to.equal(SendStatus.SUCCESS);
    expect(server.unsubscribe(ids[0] ?? '', 'all')).to.equal(true);
    expect(server.unsubscribe(ids[0] ?? '', 'all')).to.equal(false);
    server.publishText('all', '4');
    server.broadcastTextMessage('end');
    await Promise.all([a.until(3), b.until(3)].map(async (each) => each));
    const [one, two] = a.texts.includes('1') ? [a, b] : [b, a];
    expect(one?.texts).to.deep.equal(['1', '2', 'end']);
    expect(two?.texts).to.deep.equal(['2', '4', 'end']);
    expect(server.subscribe('nobody', 'all')).to.equal(false);
    two?.ws.close();
    const { clientID } = await log.until('WEBSOCKET_CONNECTION_CLOSED');
    expect(server.getTopics(clientID)).to.deep.equal([]);
  });

  it('closing - closeClient sends code and reason; the event tells those of the client', async () => {
    const { server, log, join } = await serve();
    const [a, b] = [join(), join()];
    await Promise.all([a.opened, b.opened]);
    await log.until('WEBSOCKET_CONNECTION_ESTABLISHED', 2);
    const id = log.of('WEBSOCKET_CONNECTION_ESTABLISHED')[0]?.clientID ?? '';
    expect(() => server.closeClient(id, 1005))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(() => server.closeClient(id, 4000, 'x'.repeat(200)))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(server.closeClient(id, 4001, 'enough')).to.equal(true);
    const closed = await Promise.race([a.closed, b.closed]);
    expect(closed).to.deep.equal({ code: 4001, reason: 'enough' });
    expect(await log.until('WEBSOCKET_CONNECTION_CLOSED')).to.include({ clientID: id, code: 4001 });
    expect(server.closeClient(id)).to.equal(false);
    expect(server.sendTextMessageToClient(id, 'late')).to.equal(SendStatus.DROPPED);
    const other = a.ws.readyState === a.ws.OPEN ? a : b;
    other.ws.close(4002, 'bye');
    const told = await log.until('WEBSOCKET_CONNECTION_CLOSED', 2);
    expect([told.code, told.message.toString()]).to.deep.equal([4002, 'bye']);
    expect(server.getNumConnectedClients()).to.equal(0);
  });

  it('stop - clients are cut off, and their closing comes before SERVER_STOPPED_LISTENING, with an empty reason', async () => {
    const { server, log, join } = await serve({ deferred: true });
    const client = join();
    await client.opened;
    await log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    const stopping = server.stopListening();
    expect(log.names.slice(-2)).to.deep.equal(['WEBSOCKET_CONNECTION_CLOSED', 'SERVER_STOPPED_LISTENING']);
    expect(log.of('WEBSOCKET_CONNECTION_CLOSED')[0]?.message).to.have.length(0);
    expect((await client.closed).code).to.equal(1006);
    expect(await stopping).to.equal(true);
    expect(await server.stopListening()).to.equal(false);
  });

  it('slow reader - BACKPRESSURE, then DROPPED with its event; the message before and those after arrive in order', async () => {
    const { server, log, join } = await serve();
    const client = join();
    await client.opened;
    client.ws.pause();
    const { clientID } = await log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    const statuses: number[] = [];
    const sent: string[] = [];
    while (statuses.at(-1) !== SendStatus.DROPPED) {
      const text = `${statuses.length}:${'x'.repeat(1_000_000)}`;
      const status = server.sendTextMessageToClient(clientID, text);
      if (status !== SendStatus.DROPPED) sent.push(text);
      statuses.push(status);
    }
    expect(statuses).to.include(SendStatus.BACKPRESSURE);
    expect(Number((await log.until('WEBSOCKET_DROPPED')).message.toString())).to.be.greaterThan(1_000_000);
    expect(server.broadcastTextMessage('also dropped')).to.equal(SendStatus.DROPPED);
    client.ws.resume();
    expect((await log.until('WEBSOCKET_DRAINED')).clientID).to.equal(clientID);
    expect(server.sendTextMessageToClient(clientID, 'after')).to.equal(SendStatus.SUCCESS);
    expect(await client.until(sent.length + 1)).to.deep.equal([...sent, 'after']);
  });

  it('slow reader - with whenBehind "close" it is cut off', async () => {
    const { server, log, join } = await serve({ whenBehind: 'close' });
    const client = join();
    await client.opened;
    client.ws.pause();
    const { clientID } = await log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    while (server.sendBinaryMessageToClient(clientID, Buffer.alloc(1_000_000)) !== SendStatus.DROPPED);
    expect((await log.until('WEBSOCKET_CONNECTION_CLOSED')).code).to.equal(1006);
    expect(server.getNumConnectedClients()).to.equal(0);
    client.ws.resume();
    await client.closed;
  });

  it('silence - a client is pinged after half the time and cut off after all of it', async () => {
    const clock = new VirtualClock();
    const { log, join } = await serve({ clock });
    const client = join('/', { autoPong: false });
    await client.opened;
    await log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    const pinged = new Promise((resolve) => client.ws.once('ping', resolve));
    clock.advance(61_000);
    await pinged;
    clock.advance(58_000);
    expect(log.names).to.not.include('WEBSOCKET_CONNECTION_CLOSED');
    clock.advance(2000);
    const { code, message } = await log.until('WEBSOCKET_CONNECTION_CLOSED');
    expect([code, message.toString()]).to.deep.equal([1006, 'WebSocket timed out from inactivity']);
    expect((await client.closed).code).to.equal(1006);
  });

  it('silence - a client that answers the pings stays', async () => {
    const clock = new VirtualClock();
    const { server, log, join } = await serve({ clock });
    const client = join();
    await client.opened;
    await log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    for (let turn = 0; turn < 3; turn++) {
      const pinged = new Promise((resolve) => client.ws.once('ping', resolve));
      clock.advance(62_000);
      await pinged;
      client.ws.send('after the pong');
      await log.until('WEBSOCKET_MESSAGE_RECEIVED', turn + 1);
    }
    expect(server.getNumConnectedClients()).to.equal(1);
  });

  it('upgrade - any path, the first subprotocol that is offered, and the request can be asked about', async () => {
    const { server, log, join } = await serve();
    const client = join('/some/where?a=b', { headers: { 'X-Who': 'me' } }, ['chat', 'other']);
    await client.opened;
    expect(client.ws.protocol).to.equal('chat');
    const { clientID } = await log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    expect(server.getRemoteAddress(clientID)).to.equal('127.0.0.1');
    expect(server.getClientDetails(clientID)).to.deep.include({ url: '/some/where', query: 'a=b' });
    expect(server.getClientDetails(clientID)?.headers['x-who']).to.equal('me');
  });

  it('upgrade - the wrong path, origin or person is refused before it', async () => {
    const { log, join, port } = await serve({
      path: '/chat',
      origins: ['https://good.example'],
      authorize: async ({ query }) => query === 'let-me-in',
    });
    const good = { origin: 'https://good.example' };
    expect(await join('/other', good).status).to.equal(404);
    expect(await join('/chat?let-me-in', { origin: 'https://evil.example' }).status).to.equal(403);
    expect(await join('/chat?no', good).status).to.equal(401);
    expect(await join('/chat?let-me-in').status).to.equal(101);
    expect(await join('/chat?let-me-in', good).status).to.equal(101);
    expect(await sayAll(port, 'GET /chat HTTP/1.1\r\nHost: x\r\n\r\n')).to.match(/^HTTP\/1\.1 426 /);
    expect(log.of('WEBSOCKET_CONNECTION_ESTABLISHED')).to.have.length(2);
  });

  it('upgrade - authorize that throws, or never answers, lets nobody in; one that waits holds no more than it may', async () => {
    const throwing = await serve({
      authorize: () => {
        throw new Error('no');
      },
    });
    expect(await throwing.join().status).to.equal(401);
    const silent = await serve({
      authorize: () => new Promise(() => {}),
      authorizeTimeoutMs: 50,
      maxPendingUpgrades: 1,
    });
    const statuses = await Promise.all([silent.join().status, silent.join().status]);
    expect(statuses).to.deep.equal([503, 503]);
    const away = await serve({ authorize: () => Promise.reject(new BusError('ERR_UNAVAILABLE')) });
    expect(await away.join().status).to.equal(503);
    const broken = await serve({ authorize: ({ headers }) => headers['x']!.length > 0 });
    const reports: (BusError | undefined)[] = [];
    broken.server.on('UNKNOWN_OR_INVALID_WEBSERVER_EVENT', (_event, message) => void reports.push(message?.error));
    expect(await broken.join().status).to.equal(503);
    expect(reports[0]).to.include({ code: 'ERR_LISTENER' });
    expect(reports[0]?.cause).to.be.instanceOf(TypeError);
  });

  it('listening - an address in use rejects; WSS works as WS does', async () => {
    const { port } = await serve();
    const second = new WebSocketServer({ deferred: false });
    second.on('UNKNOWN_OR_INVALID_WEBSERVER_EVENT', () => {});
    expect(await rejection(second.startListening(port))).to.have.property('code', 'ERR_ADDRESS_IN_USE');
    const { server, join } = await serve({ tls: certificate });
    server.setEchoMode(true);
    const client = join('/', { rejectUnauthorized: false });
    await client.opened;
    client.ws.send('secret');
    expect(await client.until(1)).to.deep.equal(['secret']);
    expect(WebSocketServer.DEFAULT_PORT).to.equal(9001);
  });

  it('full queue - clients are held back, new ones get 503, and all comes in order after polls', async () => {
    const clock = new VirtualClock();
    const { server, log, join, port } = await serve({ clock, deferred: true, maxQueuedEvents: 50 });
    clock.advance(0);
    const client = join();
    await client.opened;
    const count = 20_000;
    for (let n = 0; n < count; n++) client.ws.send(`${n} ${'x'.repeat(1000)}`);
    await log.until('EVENT_QUEUE_FULL');
    expect(await new RawClient(port).say(handshake()).closed()).to.match(/^HTTP\/1\.1 503 /);
    let most = 0;
    while (log.of('WEBSOCKET_MESSAGE_RECEIVED').length < count) {
      most = Math.max(most, server.queuedEvents);
      server.processDeferredEvents();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const numbers = log.of('WEBSOCKET_MESSAGE_RECEIVED').map(({ message }) => Number.parseInt(message.toString(), 10));
    expect(numbers).to.deep.equal(Array.from({ length: count }, (_, n) => n));
    expect(most).to.be.lessThan(500);
  });
});
