import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { WebSocketServerOptions } from '../../../lib/plugins/gateway/index.ts';
import { WebSocketServer } from '../../../lib/plugins/gateway/index.ts';
import { VirtualClock } from '../../../lib/testing/virtual-clock.ts';
import { turn } from '../../support/buses.ts';
import { EventLog } from './event-log.ts';
import { WebSocketClient } from './websocket-client.ts';

describe('websocket server, clients that it paused', () => {
  const servers: WebSocketServer[] = [];
  const clients: WebSocketClient[] = [];

  async function join(options: WebSocketServerOptions = {}, clientOptions: object = {}) {
    const server = new WebSocketServer({ deferred: false, ...options });
    servers.push(server);
    const log = new EventLog(server);
    const port = await server.startListening(0);
    const client = new WebSocketClient(`ws://127.0.0.1:${port}/`, clientOptions);
    clients.push(client);
    await client.opened;
    const { clientID } = await log.until('WEBSOCKET_CONNECTION_ESTABLISHED');
    server.pauseClient(clientID);
    const texts = (): string[] => log.of('WEBSOCKET_MESSAGE_RECEIVED').map(({ message }) => message.toString());
    return { server, log, client, id: clientID, texts };
  }

  /** Waits until what the client sends goes no further, because the server does not read it. */
  async function untilStuck({ ws }: WebSocketClient): Promise<void> {
    for (let before = -1, same = 0; same < 50; await turn()) {
      same = ws.bufferedAmount === before ? same + 1 : 0;
      before = ws.bufferedAmount;
    }
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

  it('silence - one that answers pings stays, and what it said meanwhile comes in order once it may go on', async () => {
    const clock = new VirtualClock();
    const { server, log, client, id, texts } = await join({ clock });
    for (const text of ['a', 'b', 'c']) client.ws.send(text);
    for (let turn = 0; turn < 4; turn++) {
      const pinged = new Promise((resolve) => client.ws.once('ping', resolve));
      // After half the idle time, and a little for the sweep.
      clock.advance(62_000);
      await pinged;
      // Its own ping is answered after its pong was read.
      const answered = new Promise((resolve) => client.ws.once('pong', resolve));
      client.ws.ping();
      await answered;
    }
    expect(log.names).to.not.include('WEBSOCKET_CONNECTION_CLOSED');
    expect(texts()).to.deep.equal([]);
    server.resumeClient(id);
    expect(texts()).to.deep.equal(['a', 'b', 'c']);
    client.ws.send('d');
    await log.until('WEBSOCKET_MESSAGE_RECEIVED', 4);
    expect(texts()).to.deep.equal(['a', 'b', 'c', 'd']);
  });

  it('silence - one that answers no pings is cut off', async () => {
    const clock = new VirtualClock();
    const { log, client } = await join({ clock }, { autoPong: false });
    clock.advance(122_000);
    expect((await log.until('WEBSOCKET_CONNECTION_CLOSED')).code).to.equal(1006);
    await client.closed;
  });

  it('silence - is not counted of one that is not read, because too much of it waits', async () => {
    const clock = new VirtualClock();
    const { server, log, client, id } = await join({ clock }, { perMessageDeflate: false });
    const sent = 400;
    for (let count = 0; count < sent; count++) client.ws.send(Buffer.alloc(65_536, count));
    await untilStuck(client);
    const waiting = client.ws.bufferedAmount;
    expect(waiting, 'the client has to wait').to.be.greaterThan(1_000_000);
    clock.advance(500_000);
    expect(log.of('WEBSOCKET_CONNECTION_CLOSED').map(({ message }) => message.toString())).to.deep.equal([]);
    server.resumeClient(id);
    await log.until('WEBSOCKET_MESSAGE_RECEIVED', sent);
    expect(log.of('WEBSOCKET_MESSAGE_RECEIVED').map(({ message }) => message[0])).to.deep.equal(
      Array.from({ length: sent }, (_, count) => count & 255),
    );
  });

  it('resuming - a handler that pauses again hears the next message once it lets go again', async () => {
    const { server, client, id, texts } = await join();
    server.on('WEBSOCKET_MESSAGE_RECEIVED', () => void server.pauseClient(id));
    for (const text of ['a', 'b']) client.ws.send(text);
    const answered = new Promise((resolve) => client.ws.once('pong', resolve));
    client.ws.ping();
    await answered;
    server.resumeClient(id);
    expect(texts()).to.deep.equal(['a']);
    server.resumeClient(id);
    expect(texts()).to.deep.equal(['a', 'b']);
  });

  for (const said of [[], ['a', 'b']]) {
    const saying = said.length === 0 ? 'said nothing' : 'said something';
    it(`closing - the code of one that leaves is heard at once, where it ${saying}`, async () => {
      const { log, client, texts } = await join();
      for (const text of said) client.ws.send(text);
      client.ws.close(4001, 'enough');
      const { code, message } = await log.until('WEBSOCKET_CONNECTION_CLOSED');
      expect([code, message.toString()]).to.deep.equal([4001, 'enough']);
      expect(texts(), 'what it said came before').to.deep.equal(said);
      expect(log.names.at(-1)).to.equal('WEBSOCKET_CONNECTION_CLOSED');
      expect(await client.closed).to.deep.equal({ code: 4001, reason: 'enough' });
    });

    it(`closing - one that is told to go answers in order, where it ${saying}`, async () => {
      const { server, log, client, id } = await join();
      for (const text of said) client.ws.send(text);
      server.closeClient(id, 4000, 'bye');
      expect(await client.closed).to.deep.equal({ code: 4000, reason: 'bye' });
      expect((await log.until('WEBSOCKET_CONNECTION_CLOSED')).code).to.equal(4000);
    });
  }

  it('closing - one that is not read any more and is told to go answers in order too', async () => {
    const { server, log, client, id } = await join({}, { perMessageDeflate: false });
    for (let count = 0; count < 400; count++) client.ws.send(Buffer.alloc(65_536));
    await untilStuck(client);
    server.closeClient(id, 4000, 'bye');
    expect((await log.until('WEBSOCKET_CONNECTION_CLOSED')).code).to.equal(4000);
    expect(await client.closed).to.deep.equal({ code: 4000, reason: 'bye' });
  });

  describe('the limit on messages', () => {
    const limit = 100_000;
    const bodies: Readonly<Record<string, readonly [bytes: Buffer, fits: boolean]>> = {
      'one byte less, random': [randomBytes(limit - 1), true],
      'just so many, random': [randomBytes(limit), true],
      'just so many zeros': [Buffer.alloc(limit), true],
      'one byte more, random': [randomBytes(limit + 1), false],
      'one byte more of zeros': [Buffer.alloc(limit + 1), false],
      'far more zeros': [Buffer.alloc(10 * limit), false],
    };
    for (const compressed of [false, true]) {
      for (const paused of [false, true]) {
        it(`counts what was sent, ${compressed ? 'deflated' : 'as it is'}${paused ? ', at a paused client' : ''}`, async () => {
          for (const [what, [bytes, fits]] of Object.entries(bodies)) {
            const { server, log, client, id } = await join(
              { maxPayloadBytes: limit },
              { perMessageDeflate: compressed && { threshold: 0 } },
            );
            if (!paused) server.resumeClient(id);
            client.ws.send(bytes, { compress: compressed });
            if (!fits) {
              const { code } = await log.until('WEBSOCKET_CONNECTION_CLOSED');
              expect([code, (await client.closed).code], what).to.deep.equal([1009, 1009]);
              expect(log.names, what).to.not.include('WEBSOCKET_MESSAGE_RECEIVED');
              continue;
            }
            const answered = new Promise((resolve) => client.ws.once('pong', resolve));
            if (!paused) await log.until('WEBSOCKET_MESSAGE_RECEIVED');
            client.ws.ping();
            if (!paused) await answered;
            server.resumeClient(id);
            const { message } = await log.until('WEBSOCKET_MESSAGE_RECEIVED');
            expect(message.equals(bytes), what).to.equal(true);
          }
        });
      }
    }
  });

  it('ids - those of all clients are listed, and closeAll tells each of them why', async () => {
    const { server, log, id, client } = await join();
    const second = new WebSocketClient(`ws://127.0.0.1:${server.port}/`);
    clients.push(second);
    await second.opened;
    const { clientID } = await log.until('WEBSOCKET_CONNECTION_ESTABLISHED', 2);
    expect(server.getClientIds()).to.have.members([id, clientID]);
    expect(() => server.closeAll(1005))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(() => server.closeAll(1000, 'x'.repeat(124)))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(server.getNumConnectedClients()).to.equal(2);
    expect(server.closeAll(1001, 'restarting')).to.equal(2);
    for (const each of [client, second]) {
      expect(await each.closed).to.deep.equal({ code: 1001, reason: 'restarting' });
    }
    await log.until('WEBSOCKET_CONNECTION_CLOSED', 2);
    expect([server.getClientIds(), server.closeAll()]).to.deep.equal([[], 0]);
  });
});
