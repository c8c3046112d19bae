import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { after, afterEach, describe, it } from 'mocha';
import { Client } from '../../../lib/index.ts';
import type { GatewayOptions, RemoteWeb } from '../../../lib/plugins/gateway/index.ts';
import { gateway, HttpSendStatus, HttpServer } from '../../../lib/plugins/gateway/index.ts';
import { until } from '../../support/buses.ts';
import { command } from '../../support/command.ts';
import { rejection } from '../../support/links.ts';
import { answering, GatewayKit, get, type WorkerPeer } from './gateway-kit.ts';
import { RawClient } from './raw-client.ts';

const hasWrk = spawnSync('wrk', ['--version']).error === undefined;

describe('gateway, HTTP over the bus', () => {
  const kit = new GatewayKit('http');
  const worker = (path: string, prepare?: (web: RemoteWeb) => unknown): Promise<WorkerPeer> =>
    kit.worker(path, prepare);

  async function front(options: GatewayOptions = {}) {
    const { server, path, web } = await kit.front({ http: { port: 0 }, ...options });
    return { server, path, port: web.http?.port ?? 0, http: web.http as HttpServer };
  }

  afterEach(() => kit.clear());

  after(() => kit.remove());

  it('request - reaches the worker with its details, and its answer the client', async () => {
    const { path, port } = await front();
    const { web, log } = await worker(path);
    let details: unknown;
    web.http.on('HTTP_REQUEST_FINISHED', async (_, { clientID }) => {
      details = web.http.getRequestDetails(clientID);
      expect(web.http.writeStatus(clientID, '201 Made')).to.equal(true);
      expect(web.http.writeHeader(clientID, 'X-By', 'worker')).to.equal(true);
      expect(() => web.http.writeHeader(clientID, 'Bad\r\n', 'x'))
        .to.throw()
        .with.property('code', 'ERR_INVALID_ARGUMENT');
      expect(await web.http.sendResponse(clientID, 'done')).to.equal(HttpSendStatus.SentAndEnded);
      expect(await web.http.sendResponse(clientID, 'again')).to.equal(HttpSendStatus.None);
      expect(web.http.hasRequestDetails(clientID)).to.equal(false);
    });
    await web.http.addRoute('/make/:thing', 'POST');
    const client = new RawClient(port);
    client.say('POST /make/a%20b?c HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody');
    const answer = await client.closed();
    expect(answer)
      .to.match(/^HTTP\/1\.1 201 Made\r\nX-By: worker\r\n/)
      .and.match(/\r\n\r\ndone$/);
    expect(details).to.deep.include({ method: 'POST', url: '/make/a%20b', query: 'c', params: { thing: 'a b' } });
    expect(log.names).to.deep.equal(['HTTP_REQUEST_STARTED', 'HTTP_REQUEST_FINISHED']);
    expect(log.of('HTTP_REQUEST_FINISHED')[0]?.message.toString()).to.equal('body');
    expect((await get(port, '/make/x')).status).to.equal(404);
  });

  it('routes - of one worker alone, shared in turn by those who add the same, listed for all', async () => {
    const { path, port } = await front();
    const a = await worker(path, answering('a', '/shared'));
    const b = await worker(path, answering('b', '/shared'));
    await a.web.http.addRoute('/only-a');
    const names = new Set<string>();
    const turns: string[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const { text } = await get(port, '/shared');
      turns.push(text.slice(0, 1));
      names.add(text.slice(0, 1));
    }
    expect(names.size).to.equal(2);
    expect(turns[0]).to.not.equal(turns[1]);
    expect(turns.slice(0, 2)).to.deep.equal(turns.slice(2, 4)).and.to.deep.equal(turns.slice(4, 6));
    for (let turn = 0; turn < 3; turn++) expect((await get(port, '/only-a')).text).to.match(/^a /);
    expect((await b.web.http.getRegisteredRoutes()).ANY).to.deep.equal(['/shared', '/only-a']);
    expect(await b.web.http.getRegisteredRoutes('GET')).to.deep.equal([]);
    expect(await a.web.http.removeRoute('/shared')).to.equal(true);
    expect(await a.web.http.removeRoute('/shared')).to.equal(false);
    for (let turn = 0; turn < 3; turn++) expect((await get(port, '/shared')).text).to.match(/^b /);
    await b.web.http.removeRoute('/shared');
    expect((await get(port, '/shared')).status).to.equal(404);
  });

  it('routes - by key, equal keys go to one worker, and different ones spread', async () => {
    const { path, port } = await front();
    const share = { share: 'key', key: 'X-User' };
    await worker(path, answering('a', '/*', 'ANY', share));
    await worker(path, answering('b', '/*', 'ANY', share));
    const byUser = new Map<string, Set<string>>();
    for (let turn = 0; turn < 60; turn++) {
      const user = `user${turn % 20}`;
      const { text } = await get(port, '/', { headers: { 'X-User': user } });
      byUser.set(user, (byUser.get(user) ?? new Set()).add(text.slice(0, 1)));
    }
    expect([...byUser.values()].every((names) => names.size === 1)).to.equal(true);
    expect(new Set([...byUser.values()].flatMap((names) => [...names])).size).to.equal(2);
  });

  it('routes - one that is taken otherwise, malformed or for all is refused, and so is a peer that may not', async () => {
    const { path, http } = await front();
    http.addRoute('/own');
    const a = await worker(path, answering('a', '/x'));
    const b = await worker(path);
    const refusals = [
      () => a.web.http.addRoute('/own'),
      () => a.web.http.addRoute('/x'),
      () => b.web.http.addRoute('/x', 'ANY', { share: 'key' }),
      () => b.web.http.addRoute('/y', 'ANY', { share: 'all' }),
      () => b.web.http.addRoute('no-slash'),
    ];
    for (const refusal of refusals) expect(await rejection(refusal())).to.have.property('code', 'ERR_INVALID_ARGUMENT');
    expect(await rejection(b.web.http.stopListening())).to.have.property('code', 'ERR_REFUSED');
    expect(await rejection(b.web.websocket.getNumConnectedClients())).to.have.property('code', 'ERR_STATE');
    const closed = await front({ workers: () => false });
    const c = await worker(closed.path);
    expect(await rejection(c.web.http.addRoute('/z'))).to.have.property('code', 'ERR_REFUSED');
  });

  it('routes - of the server itself stay its own, beside those of a worker', async () => {
    const { path, port, http } = await front();
    http.addRoute('/both', 'GET');
    http.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
      if (http.getRequestDetails(clientID)?.endpointMethod === 'GET') http.sendResponse(clientID, 'front');
    });
    await worker(path, answering('worker', '/both'));
    expect((await get(port, '/both')).text).to.equal('front');
    expect((await get(port, '/both', { method: 'POST' })).text).to.match(/^worker/);
  });

  it('control - where the gateway allows it, a peer starts and stops the server', async () => {
    const { path, port, http } = await front({ control: true });
    const { web, log } = await worker(path, answering('a'));
    expect(await web.http.startListening()).to.equal(port);
    expect(await web.http.stopListening()).to.equal(true);
    expect((await log.until('SERVER_STOPPED_LISTENING')).message.toString()).to.equal('Going Away');
    const again = await web.http.startListening(0);
    expect(http.port).to.equal(again);
    expect((await get(again, '/')).text).to.match(/^a /);
  });

  it('body - streams in, and a worker whose handlers take their time holds its sender back', async () => {
    const { path, port } = await front({ http: { port: 0, maxBodyBytes: 100_000_000 } });
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let received = 0;
    const { web, log } = await worker(path);
    web.http.on('HTTP_DATA_RECEIVED', async (_, { message }) => {
      received += message.length;
      await gate;
    });
    web.http.on('HTTP_REQUEST_FINISHED', (_, { clientID, message }) =>
      web.http.sendResponse(clientID, String(received + message.length)),
    );
    await web.http.addRoute('/*');
    const total = 30_000_000;
    const client = new RawClient(port).say(
      `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${total}\r\n\r\n`,
    );
    client.socket.write(Buffer.alloc(total));
    await log.until('HTTP_DATA_RECEIVED');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(received).to.be.lessThan(2_000_000);
    expect(client.socket.writableLength).to.be.greaterThan(total / 2);
    release();
    expect(await client.closed()).to.match(/\r\n\r\n30000000$/);
  });

  it("answer - streams out in pieces, and a write's promise waits while the client takes nothing", async () => {
    const { path, port } = await front();
    let written = 0;
    const { web } = await worker(path);
    let finished = false;
    web.http.on('HTTP_REQUEST_FINISHED', async (_, { clientID }) => {
      for (let piece = 0; piece < 30; piece++) {
        expect(await web.http.writeResponse(clientID, Buffer.alloc(1_000_000, piece))).to.equal(HttpSendStatus.Sent);
        written += 1;
      }
      await web.http.sendResponse(clientID, 'end');
      finished = true;
    });
    await web.http.addRoute('/*');
    const client = new RawClient(port).say('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    client.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(written).to.be.lessThan(20);
    expect(finished).to.equal(false);
    client.socket.resume();
    const answer = await client.closed();
    expect(answer.length).to.be.greaterThan(30_000_000);
    expect(answer).to.match(/end\r\n0\r\n\r\n$/);
    expect(finished).to.equal(true);
  });

  it('answer - streamResponse has a length, waits, and may come in parts of a total', async () => {
    const { path, port } = await front();
    const { web } = await worker(path);
    const statuses: number[] = [];
    web.http.on('HTTP_REQUEST_FINISHED', async (_, { clientID }) => {
      statuses.push(await web.http.streamResponse(clientID, 'x'.repeat(5_000_000), 5_000_003));
      statuses.push(await web.http.streamResponse(clientID, 'end'));
      statuses.push(await web.http.streamResponse(clientID, 'more'));
    });
    await web.http.addRoute('/*');
    const client = new RawClient(port).say('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const answer = await client.closed();
    expect(answer).to.include('Content-Length: 5000003\r\n').and.match(/xend$/);
    expect(answer.length - answer.indexOf('\r\n\r\n') - 4).to.equal(5_000_003);
    expect(statuses[0]).to.equal(HttpSendStatus.Sent);
    expect((statuses[1] ?? 0) & HttpSendStatus.Ended).to.equal(HttpSendStatus.Ended);
    expect(statuses[2]).to.equal(HttpSendStatus.None);
  });

  it('answer - one larger than a message goes out whole', async () => {
    const { path, port } = await front();
    const text = 'y'.repeat(40_000_000);
    await worker(path, async ({ http }) => {
      http.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => http.sendResponse(clientID, text));
      await http.addRoute('/*');
    });
    expect((await get(port, '/')).text === text).to.equal(true);
  });

  it('client that left - the worker hears of it, and a waiting write ends', async () => {
    const { path, port } = await front();
    const { web, log } = await worker(path);
    const statuses: number[] = [];
    web.http.on('HTTP_REQUEST_FINISHED', async (_, { clientID }) => {
      for (;;) {
        const status = await web.http.writeResponse(clientID, Buffer.alloc(1_000_000));
        statuses.push(status);
        if (status === HttpSendStatus.None) return;
      }
    });
    await web.http.addRoute('/*');
    const client = new RawClient(port).say('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until('200 OK');
    client.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.destroy();
    const { clientID } = await log.until('HTTP_CONNECTION_ABORTED');
    expect(web.http.hasRequestDetails(clientID)).to.equal(false);
    await until(() => statuses.at(-1) === HttpSendStatus.None);
  });

  it('handler that throws on the bus - the client gets 500, the worker goes on', async () => {
    const { path, port } = await front();
    const { web } = await worker(path);
    web.http.on('UNKNOWN_OR_INVALID_WEBSERVER_EVENT', () => {});
    web.http.once('HTTP_REQUEST_FINISHED', () => {
      throw new Error('trouble');
    });
    await web.http.addRoute('/*');
    expect(await get(port, '/')).to.deep.equal({ status: 500, text: 'Internal Server Error' });
    web.http.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => web.http.sendResponse(clientID, 'well'));
    expect((await get(port, '/')).text).to.equal('well');
  });

  it('two workers - neither can answer, abort or hear the requests of the other', async () => {
    const { path, port, http } = await front();
    const a = await worker(path);
    await a.web.http.addRoute('/a');
    const b = await worker(path, answering('b', '/b'));
    const { ask, say } = await kit.forger(path);
    await ask(['addRoute', '/c', 'ANY', {}]);
    const client = new RawClient(port).say('GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const { clientID } = await a.log.until('HTTP_REQUEST_FINISHED');
    expect(await b.web.http.sendResponse(clientID, 'forged')).to.equal(HttpSendStatus.None);
    const forged = Buffer.from('forged');
    await say(['answer', clientID, null, forged]);
    await say(['abort', clientID]);
    expect(await ask(['write', clientID, null, forged])).to.equal(HttpSendStatus.None);
    expect(await ask(['stream', clientID, null, forged, 6])).to.equal(HttpSendStatus.None);
    expect((await get(port, '/b')).text).to.match(/^b /);
    expect(http.hasRequestDetails(clientID)).to.equal(true);
    await a.web.http.sendResponse(clientID, 'true');
    expect(await client.closed()).to.match(/\r\n\r\ntrue$/);
  });

  it('deferred worker - its events wait for its own polls', async () => {
    const { path, port } = await front();
    const client = new Client({ path });
    kit.clients.push(client);
    const { http } = client.use(gateway({ deferred: true, pollIntervalMs: 60_000 }));
    let polls = 0;
    http.on('ASYNC_POLLING_UPDATE', () => {
      polls += 1;
    });
    await client.connect();
    await http.addRoute('/*');
    http.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => http.sendResponse(clientID, 'polled'));
    // The first poll comes at once, and must not take the first of two events.
    await until(() => polls !== 0);
    const answer = get(port, '/');
    await until(() => http.queuedEvents >= 2);
    const before = polls;
    http.processDeferredEvents();
    expect(polls).to.equal(before + 1);
    expect((await answer).text).to.equal('polled');
  });

  it('load - a second of wrk through a worker has no errors', async function () {
    if (!hasWrk) this.skip();
    const { path, port } = await front();
    await worker(path, async ({ http }) => {
      http.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => http.sendResponse(clientID, 'hello'));
      await http.addRoute('/*');
    });
    const { stdout } = await command('wrk', ['-t1', '-c20', '-d1s', `http://127.0.0.1:${port}/`]);
    expect(stdout).to.not.match(/Socket errors|Non-2xx/);
    expect(Number(/(\d+) requests in/.exec(stdout)?.[1])).to.be.greaterThan(100);
  });
});
