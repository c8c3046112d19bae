import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { HttpServerOptions } from '../../../lib/plugins/gateway/index.ts';
import { HttpServer } from '../../../lib/plugins/gateway/index.ts';
import { VirtualClock } from '../../../lib/testing/virtual-clock.ts';
import { EventLog } from './event-log.ts';
import { RawClient } from './raw-client.ts';
import { until } from '../../support/buses.ts';

const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

describe('deferred events', () => {
  const servers: HttpServer[] = [];
  const clients: RawClient[] = [];

  async function serve(options: HttpServerOptions = {}) {
    const clock = new VirtualClock();
    const server = new HttpServer({ clock, ...options });
    servers.push(server);
    server.addRoute('/*');
    const log = new EventLog(server);
    const port = await server.startListening(0);
    const client = (): RawClient => {
      const made = new RawClient(port);
      clients.push(made);
      return made;
    };
    return { clock, server, log, client };
  }

  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await Promise.all(servers.splice(0).map((server) => server.stopListening()));
  });

  it('poll - at once when listening starts, then every 16 ms, each followed by ASYNC_POLLING_UPDATE', async () => {
    const { clock, server, log } = await serve();
    let polls = 0;
    server.on('ASYNC_POLLING_UPDATE', (...args) => {
      expect(args).to.deep.equal(['ASYNC_POLLING_UPDATE']);
      polls += 1;
    });
    expect(log.names).to.deep.equal([]);
    clock.advance(0);
    expect(log.names).to.deep.equal(['SERVER_STARTED_LISTENING']);
    expect(polls).to.equal(1);
    clock.advance(15);
    expect(polls).to.equal(1);
    clock.advance(1);
    expect(polls).to.equal(2);
    clock.advance(160);
    expect(polls).to.equal(12);
  });

  it('poll - processDeferredEvents delivers what waits, and not from within a handler', async () => {
    const { server, log, client } = await serve();
    server.on('HTTP_REQUEST_STARTED', () => server.processDeferredEvents());
    client().say(get);
    await until(() => server.queuedEvents === 3);
    expect(log.names).to.deep.equal([]);
    server.processDeferredEvents();
    expect(log.names).to.deep.equal(['SERVER_STARTED_LISTENING', 'HTTP_REQUEST_STARTED', 'HTTP_REQUEST_FINISHED']);
    expect(server.queuedEvents).to.equal(0);
  });

  it('poll - the last one comes with the stop, and the clock is left alone afterwards', async () => {
    const { clock, server, log } = await serve();
    let polls = 0;
    server.on('ASYNC_POLLING_UPDATE', () => {
      polls += 1;
    });
    const stopped = server.stopListening();
    expect(log.names).to.deep.equal(['SERVER_STARTED_LISTENING', 'SERVER_STOPPED_LISTENING']);
    expect(polls).to.equal(1);
    await stopped;
    expect(clock.pending).to.equal(0);
  });

  it('handlers - a method named as the event, a listener and an override of onEvent all hear of it, the last not of polls', async () => {
    const heard: string[] = [];
    class Own extends HttpServer {
      SERVER_STARTED_LISTENING(event: string, payload: { message: Buffer }): void {
        heard.push(`method ${event} ${payload.message.length > 0}`);
      }
      override onEvent(...args: Parameters<HttpServer['onEvent']>): void | Promise<void> {
        heard.push(`dispatch ${args[0]}`);
        return super.onEvent(...args);
      }
    }
    const server = new Own({ clock: new VirtualClock() });
    servers.push(server);
    server.on('SERVER_STARTED_LISTENING', (event) => heard.push(`listener ${event}`));
    await server.startListening(0);
    server.processDeferredEvents();
    expect(heard).to.deep.equal([
      'dispatch SERVER_STARTED_LISTENING',
      'method SERVER_STARTED_LISTENING true',
      'listener SERVER_STARTED_LISTENING',
    ]);
  });

  it('client that left before the poll - both events come, and the handle is not valid any more', async () => {
    const { server, log, client } = await serve();
    const leaving = client().say(get);
    await until(() => server.queuedEvents === 3);
    leaving.socket.destroy();
    await until(() => server.queuedEvents === 4);
    let known: boolean | undefined;
    server.on('HTTP_REQUEST_STARTED', (_, { clientID }) => {
      known = server.hasRequestDetails(clientID);
    });
    server.processDeferredEvents();
    expect(known).to.equal(false);
    expect(log.names.slice(1)).to.deep.equal([
      'HTTP_REQUEST_STARTED',
      'HTTP_REQUEST_FINISHED',
      'HTTP_CONNECTION_ABORTED',
    ]);
  });

  it('full queue - holds bodies back, refuses new requests with 503, tells it at once, and goes on after a poll', async () => {
    const { server, log, client } = await serve({ maxQueuedBytes: 100_000, maxBodyBytes: 100_000_000 });
    const total = 30_000_000;
    const sender = client().say(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${total}\r\n\r\n`);
    sender.say('x'.repeat(total));
    await log.until('EVENT_QUEUE_FULL');
    expect(log.names).to.deep.equal(['EVENT_QUEUE_FULL']);
    const refused = client().say('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const answer = await refused.closed();
    expect(answer).to.match(/^HTTP\/1\.1 503 /);
    expect(answer).to.include('Retry-After: 1\r\n');
    expect(sender.socket.writableLength).to.be.greaterThan(total / 2);
    let received = 0;
    let fullest = 0;
    const finished = new Promise<void>((resolve) => {
      const count = (_: string, { message }: { message: Buffer }): void => {
        received += message.length;
      };
      server.on('HTTP_DATA_RECEIVED', count).on('HTTP_REQUEST_FINISHED', (event, payload) => {
        count(event, payload);
        resolve();
      });
    });
    const poll = setInterval(() => {
      fullest = Math.max(fullest, server.queuedEvents);
      server.processDeferredEvents();
    }, 1);
    await finished;
    clearInterval(poll);
    expect(received).to.equal(total);
    expect(fullest).to.be.lessThan(20);
  });

  it('full queue - with "close" the request that overfilled it is answered 503 and aborted', async () => {
    const { server, log, client } = await serve({ maxQueuedEvents: 4, whenQueueFull: 'close' });
    const sender = client().say('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let turn = 1; turn <= 2; turn++) {
      sender.say('1\r\nx\r\n');
      await until(() => server.queuedEvents >= turn + 2);
    }
    expect(await sender.closed()).to.match(/^HTTP\/1\.1 503 /);
    server.processDeferredEvents();
    expect(log.names.at(-1)).to.equal('HTTP_CONNECTION_ABORTED');
  });

  it('failing poll handler without a listener for failures - becomes a process warning, and the rest is delivered', async () => {
    const { server, log } = await serve();
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    server.on('SERVER_STARTED_LISTENING', () => {
      throw new Error('nobody catches this');
    });
    server.processDeferredEvents();
    expect((await warned).message).to.equal('nobody catches this');
    expect(log.names).to.deep.equal(['SERVER_STARTED_LISTENING']);
  });
});
