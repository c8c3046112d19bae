import { expect } from 'chai';
import { after, afterEach, describe, it } from 'mocha';
import type { GatewayOptions, RemoteWeb } from '../../../lib/plugins/gateway/index.ts';
import { SendStatus, WebSocketServer } from '../../../lib/plugins/gateway/index.ts';
import { rejection } from '../../support/links.ts';
import { GatewayKit, type WorkerPeer } from './gateway-kit.ts';
import { WebSocketClient } from './websocket-client.ts';
import { until } from '../../support/buses.ts';

describe('gateway, WebSocket over the bus', () => {
  const kit = new GatewayKit('websocket');
  const pages: WebSocketClient[] = [];
  const worker = (path: string, prepare?: (web: RemoteWeb) => unknown): Promise<WorkerPeer> =>
    kit.worker(path, prepare);

  async function front(options: GatewayOptions = {}) {
    const { path, web } = await kit.front({ websocket: { port: 0 }, ...options });
    const port = web.websocket?.port ?? 0;
    const join = (query = '', options_: object = {}): WebSocketClient => {
      const page = new WebSocketClient(`ws://127.0.0.1:${port}/${query}`, options_);
      pages.push(page);
      return page;
    };
    return { path, join, websocket: web.websocket as WebSocketServer };
  }

  function answering(name: string, share = {}) {
    return async ({ websocket }: RemoteWeb): Promise<void> => {
      websocket.on('WEBSOCKET_MESSAGE_RECEIVED', (_, { clientID, message }) =>
        websocket.sendTextMessageToClient(clientID, `${name} ${message}`),
      );
      await websocket.takeClients(share);
    };
  }

  after(() => kit.remove());

  afterEach(async () => {
    await kit.clear();
    await Promise.all(
      pages.splice(0).map((page) => {
        page.ws.terminate();
        return page.closed;
      }),
    );
  });

  it('events - a client that comes, speaks text and binary, and leaves, with the same names and payloads', async () => {
    const { path, join } = await front();
    const { web, log } = await worker(path, ({ websocket }) => websocket.takeClients());
    const page = join('a?b');
    await page.opened;
    page.ws.send('text');
    page.ws.send(Buffer.from([1]));
    await log.until('WEBSOCKET_MESSAGE_RECEIVED', 2);
    const { clientID } = await log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    expect(web.websocket.getClientDetails(clientID)).to.deep.include({ url: '/a', query: 'b' });
    expect(web.websocket.getRemoteAddress(clientID)).to.equal('127.0.0.1');
    page.ws.close(4000, 'bye');
    const closed = await log.until('WEBSOCKET_CONNECTION_CLOSED');
    expect([closed.clientID, closed.code, closed.message.toString()]).to.deep.equal([clientID, 4000, 'bye']);
    expect(
      log.of('WEBSOCKET_MESSAGE_RECEIVED').map(({ message, isBinary }) => [message.toString('hex'), isBinary]),
    ).to.deep.equal([
      ['74657874', false],
      ['01', true],
    ]);
    expect(web.websocket.getClientDetails(clientID)).to.equal(undefined);
    expect(await web.websocket.sendTextMessageToClient(clientID, 'late')).to.equal(SendStatus.DROPPED);
  });

  it('verbs - send, broadcast, topics, count and close work from a worker as on the server', async () => {
    const { path, join } = await front();
    const { web, log } = await worker(path, ({ websocket }) => websocket.takeClients());
    const [a, b] = [join(), join()];
    await Promise.all([a.opened, b.opened]);
    await log.until('WEBSOCKET_CONNECTION_ESTABLISHED', 2);
    const ids = log.of('WEBSOCKET_CONNECTION_ESTABLISHED').map(({ clientID }) => clientID);
    const { websocket } = web;
    const [first = '', second = ''] = ids;
    expect(await websocket.sendTextMessageToClient(first, 'text')).to.equal(SendStatus.SUCCESS);
    expect(await websocket.sendBinaryMessageToClient(first, Buffer.from('binary'))).to.equal(SendStatus.SUCCESS);
    expect(await websocket.sendCompressedTextMessageToClient(first, 'compressed')).to.equal(SendStatus.SUCCESS);
    expect(await websocket.broadcastTextMessage('all')).to.equal(SendStatus.SUCCESS);
    await websocket.broadcastBinaryMessage('all');
    await websocket.broadcastCompressedTextMessage('all');
    expect(await websocket.subscribe(second, 'news')).to.equal(true);
    expect(await websocket.getTopics(second)).to.deep.equal(['news']);
    expect(await websocket.publishText('news', 'new')).to.equal(SendStatus.SUCCESS);
    await websocket.publishBinary('news', Buffer.from('newer'));
    expect(await websocket.unsubscribe(second, 'news')).to.equal(true);
    expect(await websocket.getNumConnectedClients()).to.equal(2);
    await Promise.race([Promise.all([a.until(6), b.until(5)]), Promise.all([a.until(5), b.until(6)])]);
    const texts = [a.texts, b.texts].sort((x, y) => (x[0] === 'text' ? -1 : y[0] === 'text' ? 1 : 0));
    expect(texts).to.deep.equal([
      ['text', 'binary', 'compressed', 'all', 'all', 'all'],
      ['all', 'all', 'all', 'new', 'newer'],
    ]);
    expect(await websocket.closeClient(first, 4321, 'go')).to.equal(true);
    expect(await Promise.race([a.closed, b.closed])).to.deep.equal({ code: 4321, reason: 'go' });
    expect(await rejection(websocket.closeClient(second, 1))).to.have.property('code', 'ERR_INVALID_ARGUMENT');
    expect(await rejection(websocket.setEchoMode(true))).to.have.property('code', 'ERR_REFUSED');
  });

  it('shares - clients go to the workers in turn, by key to the same, or to all', async () => {
    const inTurn = await front();
    await worker(inTurn.path, answering('a'));
    await worker(inTurn.path, answering('b'));
    const names = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const page = inTurn.join();
        await page.opened;
        page.ws.send('x');
        return (await page.until(1))[0];
      }),
    );
    expect(names.toSorted()).to.deep.equal(['a x', 'a x', 'b x', 'b x']);
    const byKey = await front();
    const share = { share: 'key', key: 'x-user' };
    await worker(byKey.path, answering('a', share));
    await worker(byKey.path, answering('b', share));
    const same = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const page = byKey.join('', { headers: { 'X-User': 'me' } });
        await page.opened;
        page.ws.send('x');
        return (await page.until(1))[0];
      }),
    );
    expect(new Set(same).size).to.equal(1);
    const all = await front();
    await worker(all.path, answering('a', { share: 'all' }));
    await worker(all.path, answering('b', { share: 'all' }));
    const page = all.join();
    await page.opened;
    page.ws.send('x');
    expect((await page.until(2)).toSorted()).to.deep.equal(['a x', 'b x']);
    await worker(all.path, answering('c', { share: 'all' }));
    page.ws.send('y');
    expect((await page.until(5)).slice(2).toSorted()).to.deep.equal(['a y', 'b y', 'c y']);
  });

  it('worker that goes - its clients stay connected and go to another, with what they said meanwhile, in order', async () => {
    const { path, join } = await front();
    const a = await worker(path, answering('a'));
    const page = join();
    await page.opened;
    page.ws.send('1');
    expect(await page.until(1)).to.deep.equal(['a 1']);
    const gone = a.client.close();
    for (const text of ['2', '3', '4']) page.ws.send(text);
    await gone;
    page.ws.send('5');
    const b = await worker(path, answering('b'));
    await b.log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    await page.until(5);
    expect(page.texts.map((text) => text.slice(2))).to.deep.equal(['1', '2', '3', '4', '5']);
    expect(page.texts.at(-1)).to.equal('b 5');
    expect(await b.web.websocket.releaseClients()).to.equal(true);
    expect(await b.web.websocket.releaseClients()).to.equal(false);
    page.ws.send('6');
    await worker(path, answering('c'));
    expect((await page.until(6)).at(-1)).to.equal('c 6');
  });

  it('nobody there - clients wait for a worker, and are told to try again later when none comes', async () => {
    const { join } = await front({ graceMs: 100 });
    const page = join();
    await page.opened;
    page.ws.send('hello?');
    expect(await page.closed).to.deep.equal({ code: 1013, reason: 'No worker is available for this client' });
  });

  it('nobody there - a server of the application itself keeps its clients', async () => {
    const own = new WebSocketServer({ deferred: false });
    const { join, path } = await front({ graceMs: 20, websocket: own });
    own.on('WEBSOCKET_MESSAGE_RECEIVED', (_, { clientID, message }) =>
      own.sendTextMessageToClient(clientID, `own ${message}`),
    );
    await own.stopListening();
    const port = await own.startListening(0);
    const page = new WebSocketClient(`ws://127.0.0.1:${port}/`);
    pages.push(page);
    await page.opened;
    await new Promise((resolve) => setTimeout(resolve, 60));
    page.ws.send('1');
    expect(await page.until(1)).to.deep.equal(['own 1']);
    await worker(path, answering('a'));
    page.ws.send('2');
    expect((await page.until(3)).slice(1).toSorted()).to.deep.equal(['a 2', 'own 2']);
    expect(join).to.be.a('function');
  });

  it('slow client - a send waits until it can take more, nothing is dropped, and others are not held up', async () => {
    const { path, join } = await front();
    const { web, log } = await worker(path, ({ websocket }) => websocket.takeClients());
    const slow = join();
    await slow.opened;
    slow.ws.pause();
    const { clientID } = await log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    const quick = join();
    await quick.opened;
    const other = await log.until('WEBSOCKET_CONNECTION_ESTABLISHED', 2);
    let done = 0;
    const count = 30;
    const sends = Array.from({ length: count }, (_, n) =>
      web.websocket.sendTextMessageToClient(clientID, `${n} ${'x'.repeat(1_000_000)}`).then((status) => {
        done += 1;
        return status;
      }),
    );
    expect(await web.websocket.sendTextMessageToClient(other.clientID, 'quick')).to.equal(SendStatus.SUCCESS);
    await quick.until(1);
    expect(done).to.be.lessThan(count);
    slow.ws.resume();
    expect(new Set(await Promise.all(sends))).to.deep.equal(new Set([SendStatus.SUCCESS]));
    expect((await slow.until(count)).map((text) => Number.parseInt(text, 10))).to.deep.equal(sends.map((_, n) => n));
    expect(log.names).to.not.include('WEBSOCKET_DROPPED');
    slow.ws.pause();
    const lost = Array.from({ length: 30 }, () =>
      web.websocket.sendBinaryMessageToClient(clientID, Buffer.alloc(1_000_000)),
    );
    slow.ws.terminate();
    expect(await Promise.all(lost)).to.include(SendStatus.DROPPED);
  });

  it('slow worker - a client that floods is held back, and every message arrives in order', async () => {
    const { path, join } = await front();
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const numbers: number[] = [];
    await worker(path, async ({ websocket }) => {
      websocket.on('WEBSOCKET_MESSAGE_RECEIVED', async (_, { message }) => {
        numbers.push(message.readUInt32BE(0));
        await gate;
      });
      await websocket.takeClients();
    });
    const page = join('', { perMessageDeflate: false });
    await page.opened;
    const count = 300;
    for (let n = 0; n < count; n++) {
      const data = Buffer.alloc(100_000);
      data.writeUInt32BE(n);
      page.ws.send(data);
    }
    await until(() => numbers.length >= 3);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(numbers.length).to.be.lessThan(20);
    expect(page.ws.bufferedAmount).to.be.greaterThan(10_000_000);
    release();
    await until(() => numbers.length >= count);
    expect(numbers).to.deep.equal(numbers.map((_, n) => n));
  });

  it('slow worker - a client that floods with empty messages is held back too', async () => {
    const { path, join } = await front({ windowBytes: 10_000 });
    let heard = 0;
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await worker(path, async ({ websocket }) => {
      websocket.on('WEBSOCKET_MESSAGE_RECEIVED', async () => {
        heard += 1;
        await gate;
      });
      await websocket.takeClients();
    });
    const page = join('', { perMessageDeflate: false });
    await page.opened;
    const count = 100_000;
    for (let n = 0; n < count; n++) page.ws.send('');
    await until(() => heard >= 100);
    await new Promise((resolve) => setTimeout(resolve, 200));
    // The window, and what was read with its last message.
    expect(heard).to.be.lessThan(30_000);
    release();
    await until(() => heard === count);
  }).timeout(30_000);

  it('ids and closeAll - a worker sees the clients of all, and can tell all to go', async () => {
    const { path, join, websocket } = await front();
    const { web, log } = await worker(path, (remote) => remote.websocket.takeClients());
    const pages_ = [join(), join()];
    await log.until('WEBSOCKET_CONNECTION_ESTABLISHED', 2);
    expect(await web.websocket.getClientIds()).to.deep.equal(websocket.getClientIds());
    expect(await web.websocket.getClientIds()).to.have.length(2);
    expect(await rejection(web.websocket.closeAll(1005))).to.have.property('code', 'ERR_INVALID_ARGUMENT');
    expect(await web.websocket.closeAll(1001, 'restarting')).to.equal(2);
    for (const page of pages_) expect(await page.closed).to.deep.equal({ code: 1001, reason: 'restarting' });
    await log.until('WEBSOCKET_CONNECTION_CLOSED', 2);
    expect(await web.websocket.getClientIds()).to.deep.equal([]);
  });

  it('a worker that closes - is told once that its handlers send too late, and again after the next time', async () => {
    const { path, join } = await front();
    const { client, web, log } = await worker(path);
    const told: string[] = [];
    client.on('error', ({ message }) => told.push(message));
    let go: (() => void)[] = [];
    web.websocket.on('WEBSOCKET_MESSAGE_RECEIVED', async (_, { clientID, message }) => {
      await new Promise<void>((resolve) => go.push(resolve));
      await web.websocket.sendTextMessageToClient(clientID, message);
    });
    for (let turn = 1; turn <= 2; turn++) {
      // Its clients come to it again with every session.
      if (turn === 1) await web.websocket.takeClients();
      else await client.connect();
      const page = join();
      await page.opened;
      for (let count = 0; count < 10; count++) page.ws.send(String(count));
      await log.until('WEBSOCKET_MESSAGE_RECEIVED', 10 * turn);
      await client.close();
      for (const each of go) each();
      go = [];
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(told, `after ${turn} closings`).to.have.length(turn);
      page.ws.terminate();
    }
  });
});
