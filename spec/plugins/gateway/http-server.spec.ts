import { connect } from 'node:net';
import { expect } from 'chai';
import { afterEach, before, describe, it } from 'mocha';
import type { HttpServerOptions } from '../../../lib/plugins/gateway/index.ts';
import { eventTypeIds, HttpSendStatus, HttpServer } from '../../../lib/plugins/gateway/index.ts';
import { certificate } from '../../support/certificate.ts';
import { rejection } from '../../support/links.ts';
import { curl, hasCurl } from './curl.ts';
import { EventLog } from './event-log.ts';
import { RawClient } from './raw-client.ts';

describe('http server', () => {
  const servers: HttpServer[] = [];

  async function serve(options: HttpServerOptions, prepare: (server: HttpServer) => void) {
    const server = new HttpServer({ deferred: false, ...options });
    servers.push(server);
    const log = new EventLog(server);
    prepare(server);
    const port = await server.startListening(0);
    return { server, log, port, url: `http://127.0.0.1:${port}` };
  }

  function answering(server: HttpServer, text: (id: string) => string): void {
    server.addRoute('/*');
    server.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => server.sendResponse(clientID, text(clientID)));
  }

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stopListening()));
  });

  before(function () {
    if (!hasCurl) this.skip();
  });

  it('events - one GET gives started listening, request started, request finished, stopped, in this order', async () => {
    const { server, log, port, url } = await serve({ deferred: true }, (it) => answering(it, () => 'ok'));
    await curl(`${url}/`);
    await server.stopListening();
    expect(log.names).to.deep.equal([
      'SERVER_STARTED_LISTENING',
      'HTTP_REQUEST_STARTED',
      'HTTP_REQUEST_FINISHED',
      'SERVER_STOPPED_LISTENING',
    ]);
    const [started, opened, finished, stopped] = log.events.map(({ payload }) => payload);
    expect(started).to.include({ eventTypeID: 4, clientID: 'SERVER' });
    expect(started?.message.toString()).to.equal(String(port));
    expect(opened?.eventTypeID).to.equal(eventTypeIds.HTTP_REQUEST_STARTED);
    expect(opened?.clientID).to.match(/^[0-9a-f-]{36}$/);
    expect(finished).to.deep.include({ eventTypeID: 8, clientID: opened?.clientID, message: Buffer.alloc(0) });
    expect(stopped).to.include({ eventTypeID: 5, clientID: 'SERVER' });
    expect(stopped?.message.toString()).to.equal('Going Away');
  });

  it('routes - seven methods on one pattern, added while it listens; HEAD gets the length and no body', async () => {
    const { server, url } = await serve({}, (it) => {
      it.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
        it.sendResponse(clientID, `${it.getRequestMethod(clientID)} response body`);
      });
    });
    for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE', 'PATCH', 'PUT']) {
      server.addRoute('/*', method);
      expect(await curl('-X', method, `${url}/x`)).to.equal(`${method} response body`);
    }
    server.addRoute('/*', 'HEAD');
    expect(await curl('-I', `${url}/x`)).to.match(/Content-Length: 18\r\n[^]*\r\n\r\n$/);
    expect(server.getRegisteredRoutes('GET')).to.deep.equal(['/*']);
    expect(server.getRegisteredRoutes().ANY).to.deep.equal([]);
  });

  it('routes - no match is told by 404, and the connection goes on', async () => {
    const { url, log } = await serve({}, (server) => {
      answering(server, () => 'found');
      server.removeRoute('/*');
      server.addRoute('/here');
    });
    const answers = await curl('-i', `${url}/nowhere`, `${url}/here`);
    expect(answers).to.match(/^HTTP\/1\.1 404 Not Found\r\n/);
    expect(answers).to.match(/found$/);
    expect(log.of('HTTP_REQUEST_STARTED')).to.have.length(1);
  });

  it('details - tell method, path, query, route, parameters and fields until the answer', async () => {
    let details: unknown;
    let header: unknown;
    let lines: unknown;
    let query: unknown;
    const { server, log, url } = await serve({}, (it) => {
      it.addRoute('/things/:name/*', 'PUT');
      it.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
        details = it.getRequestDetails(clientID);
        header = it.getRequestHeader(clientID, 'X-Colour');
        lines = it.getRequestHeaders(clientID);
        query = it.getRequestQuery(clientID);
        expect(it.getRequestHeader(clientID, 'constructor')).to.equal(undefined);
        expect(it.getRequestURL(clientID)).to.equal('/things/a%20b/c/d');
        expect(it.getRequestEndpoint(clientID)).to.equal('/things/:name/*');
        expect(it.getRemoteAddress(clientID)).to.equal('127.0.0.1');
        it.sendResponse(clientID, 'ok');
      });
    });
    const args = ['-H', 'X-Colour: red', '-H', 'X-Colour: blue', '-A', 'me', '-X', 'PUT'];
    expect(await curl(...args, `${url}/things/a%20b/c/d?e=%20f?`)).to.equal('ok');
    const host = url.slice(7);
    expect(details).to.deep.equal({
      method: 'PUT',
      url: '/things/a%20b/c/d',
      query: 'e=%20f?',
      endpoint: '/things/:name/*',
      endpointMethod: 'PUT',
      headers: { host, 'user-agent': 'me', accept: '*/*', 'x-colour': 'red, blue' },
      params: { name: 'a b', '*': 'c/d' },
      remoteAddress: '127.0.0.1',
    });
    expect(query).to.equal('e=%20f?');
    expect(header).to.equal('red, blue');
    expect(lines).to.equal(`host: ${host}\r\nuser-agent: me\r\naccept: */*\r\nx-colour: red, blue\r\n`);
    const id = log.of('HTTP_REQUEST_STARTED')[0]?.clientID ?? '';
    expect(server.hasRequestDetails(id)).to.equal(false);
    expect(server.getRequestDetails(id)).to.equal(undefined);
    expect(server.getRequestHeaders(id)).to.equal(undefined);
  });

  it('body - a small one comes whole with HTTP_REQUEST_FINISHED', async () => {
    const { log, url } = await serve({}, (server) => answering(server, () => 'ok'));
    await curl('-d', 'a=1&b=2', url);
    expect(log.names).to.not.include('HTTP_DATA_RECEIVED');
    expect(log.of('HTTP_REQUEST_FINISHED')[0]?.message.toString()).to.equal('a=1&b=2');
  });

  it('body - chunks come as HTTP_DATA_RECEIVED as they arrive, the last with HTTP_REQUEST_FINISHED', async () => {
    const { log, port } = await serve({}, (server) => answering(server, () => 'ok'));
    const client = new RawClient(port);
    client.say('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\none\r\n');
    expect((await log.until('HTTP_DATA_RECEIVED')).message.toString()).to.equal('one');
    client.say('3\r\ntwo\r\n');
    expect((await log.until('HTTP_DATA_RECEIVED', 2)).message.toString()).to.equal('two');
    client.say('5\r\nthree\r\n0\r\n\r\n');
    expect((await log.until('HTTP_REQUEST_FINISHED')).message.toString()).to.equal('three');
    expect(await client.closed()).to.match(/ok$/);
  });

  it('client that left - HTTP_CONNECTION_ABORTED comes, and whatever is written to it is not taken', async () => {
    const { server, log, port } = await serve({}, (it) => it.addRoute('/*'));
    const client = new RawClient(port).say('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const { clientID } = await log.until('HTTP_REQUEST_FINISHED');
    client.socket.destroy();
    expect((await log.until('HTTP_CONNECTION_ABORTED')).clientID).to.equal(clientID);
    expect(server.hasRequestDetails(clientID)).to.equal(false);
    expect(server.writeStatus(clientID, 200)).to.equal(false);
    expect(server.writeHeader(clientID, 'A', 'b')).to.equal(false);
    expect(server.writeResponse(clientID, 'x')).to.equal(HttpSendStatus.None);
    expect(server.sendResponse(clientID, 'x')).to.equal(HttpSendStatus.None);
    expect(server.streamResponse(clientID, 'x')).to.equal(HttpSendStatus.None);
    expect(server.abortRequest(clientID)).to.equal(false);
  });

  it('body held back - pauseRequest makes the sender wait until resumeRequest', async () => {
    const { server, log, port } = await serve({ maxBodyBytes: 100_000_000 }, (it) => it.addRoute('/*'));
    const total = 50_000_000;
    server.once('HTTP_REQUEST_STARTED', (_, { clientID }) => server.pauseRequest(clientID));
    const client = connect(port, '127.0.0.1').on('error', () => {});
    client.write(`POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${total}\r\n\r\n`);
    client.write(Buffer.alloc(total));
    const { clientID } = await log.until('HTTP_REQUEST_STARTED');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(log.of('HTTP_DATA_RECEIVED')).to.have.length(0);
    expect(client.writableLength).to.be.greaterThan(total / 2);
    server.resumeRequest(clientID);
    await log.until('HTTP_REQUEST_FINISHED');
    const sizes = [...log.of('HTTP_DATA_RECEIVED'), ...log.of('HTTP_REQUEST_FINISHED')].map(
      (each) => each.message.length,
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).to.equal(total);
    server.sendResponse(clientID);
    client.resume();
    await new Promise((resolve) => client.once('close', resolve));
  });

  it('shutdown - pending requests get 503 with its text, one in the middle is cut, none is aborted', async () => {
    const { server, log, port } = await serve({ deferred: true }, (it) => {
      it.addRoute('/*');
      it.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
        if (it.getRequestURL(clientID) === '/begun') it.writeResponse(clientID, 'half');
      });
    });
    const waiting = new RawClient(port).say('GET /waiting HTTP/1.1\r\nHost: x\r\n\r\n');
    const begun = new RawClient(port).say('GET /begun HTTP/1.1\r\nHost: x\r\n\r\n');
    await begun.until('half');
    await log.until('HTTP_REQUEST_FINISHED', 2);
    const stopping = server.stopListening();
    expect(log.names.at(-1)).to.equal('SERVER_STOPPED_LISTENING');
    expect(await stopping).to.equal(true);
    const answer = await waiting.closed();
    expect(answer).to.match(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(answer).to.include('Content-Type: text/plain\r\n').and.include('Content-Length: 41\r\n');
    expect(answer).to.match(/\r\n\r\nService Unavailable: Server shutting down$/);
    expect(await begun.closed()).to.not.include('0\r\n\r\n');
    expect(log.names).to.not.include('HTTP_CONNECTION_ABORTED');
    expect(await server.stopListening()).to.equal(false);
    expect(log.of('SERVER_STOPPED_LISTENING')).to.have.length(1);
  });

  it('listening - an address in use rejects and is told by an event; afterwards the server can try again', async () => {
    const { port } = await serve({}, () => {});
    const second = new HttpServer({ deferred: false });
    const log = new EventLog(second);
    second.on('UNKNOWN_OR_INVALID_WEBSERVER_EVENT', () => {});
    expect(await rejection(second.startListening(port))).to.have.property('code', 'ERR_ADDRESS_IN_USE');
    expect(log.of('UNKNOWN_OR_INVALID_WEBSERVER_EVENT')[0]?.error).to.have.property('code', 'ERR_ADDRESS_IN_USE');
    servers.push(second);
    expect(await second.startListening(0)).to.be.greaterThan(0);
    expect(await rejection(second.startListening(0))).to.have.property('code', 'ERR_STATE');
    expect(HttpServer.DEFAULT_PORT).to.equal(9001);
    expect(second.DEFAULT_PORT).to.equal(9001);
  });

  it('tls - the same over HTTPS', async () => {
    const { port } = await serve({ tls: certificate }, (server) => answering(server, () => 'secret'));
    expect(await curl('-k', `https://127.0.0.1:${port}/`)).to.equal('secret');
  });

  it('handler that throws - is answered 500 and told by an event; others go on', async () => {
    const { server, log, url } = await serve({}, (it) => {
      it.addRoute('/*');
      it.on('UNKNOWN_OR_INVALID_WEBSERVER_EVENT', () => {});
      it.on('HTTP_REQUEST_FINISHED', async (_, { clientID }) => {
        const path = it.getRequestURL(clientID);
        if (path === '/sync') throw new Error('sync trouble');
        await Promise.resolve();
        if (path === '/async') throw new Error('async trouble');
        it.sendResponse(clientID, 'fine');
      });
    });
    server.once('HTTP_REQUEST_STARTED', () => {
      throw new Error('early trouble');
    });
    expect(await curl('-i', `${url}/any`)).to.match(/^HTTP\/1\.1 500 /);
    expect(await curl('-i', `${url}/sync`)).to.match(/^HTTP\/1\.1 500 /);
    expect(await curl('-i', `${url}/async`)).to.match(/^HTTP\/1\.1 500 /);
    expect(await curl(`${url}/ok`)).to.equal('fine');
    const told = log.of('UNKNOWN_OR_INVALID_WEBSERVER_EVENT').map(({ message }) => message.toString());
    expect(told).to.deep.equal(['early trouble', 'sync trouble', 'async trouble']);
  });

  it('options - unknown ones and wrong values are refused by name', () => {
    // @ts-expect-error: what a caller without types could do
    expect(() => new HttpServer({ maxBodyByte: 1 })).to.throw(/did you mean "maxBodyBytes"/);
    expect(() => new HttpServer({ pollIntervalMs: 0 })).to.throw(/"pollIntervalMs" must be integer/);
  });
});
