import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { HttpServerOptions } from '../../../lib/plugins/gateway/index.ts';
import { HttpServer } from '../../../lib/plugins/gateway/index.ts';
import { EventLog } from './event-log.ts';
import { RawClient, sayAll } from './raw-client.ts';

describe('http server, bad input', () => {
  const servers: HttpServer[] = [];

  async function serve(options: HttpServerOptions = {}) {
    const server = new HttpServer({ deferred: false, ...options });
    servers.push(server);
    server.addRoute('/*');
    const log = new EventLog(server);
    server.on('HTTP_REQUEST_FINISHED', (_, { clientID, message }) => {
      server.sendResponse(clientID, `${server.getRequestURL(clientID)}:${message}`);
    });
    const port = await server.startListening(0);
    return { server, log, port };
  }

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stopListening()));
  });

  const smuggling: Record<string, string> = {
    'both lengths': 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG',
    'two lengths': 'Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
    'a list of lengths': 'Content-Length: 3, 4\r\n\r\nabcd',
    'a signed length': 'Content-Length: +3\r\n\r\nabc',
    'a negative length': 'Content-Length: -1\r\n\r\n',
    'a hexadecimal length': 'Content-Length: 0x3\r\n\r\nabc',
    'a length beyond all numbers': 'Content-Length: 99999999999999999999999\r\n\r\n',
    'a coding that is not chunked at last': 'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    'an unknown coding': 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    'a space before the colon': 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
    'a chunk size that is no number': 'Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n',
    'a chunk longer than it says': 'Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n',
    'a bare carriage return in a field': 'X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a null in a field': 'X: a\0b\r\n\r\n',
    'a field name with a space': 'X Y: a\r\n\r\n',
  };
  for (const [shape, rest] of Object.entries(smuggling)) {
    it(`smuggling - ${shape}: 400, the connection is closed, and nothing of what follows is taken for a request`, async () => {
      const { log, port } = await serve();
      const hidden = 'GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n';
      const answer = await sayAll(port, `POST /open HTTP/1.1\r\nHost: x\r\n${rest}${hidden}`);
      expect(answer).to.match(/^HTTP\/1\.1 400 /);
      expect(answer).to.match(/Connection: close\r\n/i);
      expect(answer).to.not.include('hidden');
      expect(log.of('HTTP_REQUEST_STARTED').length).to.be.at.most(1);
      expect(log.of('HTTP_REQUEST_FINISHED')).to.have.length(0);
    });
  }

  const malformed: Record<string, string> = {
    'an unknown method': 'GRAB / HTTP/1.1\r\nHost: x\r\n\r\n',
    'no host': 'GET / HTTP/1.1\r\n\r\n',
    'bytes of TLS': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'a bus handshake': 'IPC\x05hello',
  };
  for (const [shape, request] of Object.entries(malformed)) {
    it(`syntax - ${shape}: 400 and closed`, async () => {
      const { log, port } = await serve();
      expect(await sayAll(port, request)).to.match(/^HTTP\/1\.1 400 /);
      expect(log.of('HTTP_REQUEST_STARTED')).to.have.length(0);
    });
  }

  it('syntax - a version that is not 1.x: 505 and closed', async () => {
    const { log, port } = await serve();
    expect(await sayAll(port, 'GET /\r\n\r\n')).to.match(/^HTTP\/1\.1 505 /);
    expect(await sayAll(port, 'GET / HTTP/2.0\r\nHost: x\r\n\r\n')).to.match(/^HTTP\/1\.1 (400|505) /);
    expect(log.of('HTTP_REQUEST_STARTED')).to.have.length(0);
  });

  it('headers - a section over its limit gets 431 and is closed', async () => {
    const { port, log } = await serve();
    const answer = await sayAll(port, `GET / HTTP/1.1\r\nHost: x\r\nBig: ${'x'.repeat(5000)}\r\n\r\n`);
    expect(answer).to.match(/^HTTP\/1\.1 431 /);
    expect(log.of('HTTP_REQUEST_STARTED')).to.have.length(0);
  });

  it('headers - more fields than the limit get 431, as many as the limit do not', async () => {
    const { port } = await serve({ maxHeaders: 10 });
    const fields = (count: number): string => 'A: b\r\n'.repeat(count);
    const tail = 'Host: x\r\nConnection: close\r\n\r\n';
    expect(await sayAll(port, `GET / HTTP/1.1\r\n${fields(9)}${tail}`)).to.match(/^HTTP\/1\.1 431 /);
    expect(await sayAll(port, `GET / HTTP/1.1\r\n${fields(8)}${tail}`)).to.match(/^HTTP\/1\.1 200 /);
  });

  it('headers - that come too slowly get 408 and are closed', async () => {
    const { port } = await serve({ headersTimeoutMs: 60 });
    expect(await sayAll(port, 'GET / HTTP/1.1\r\nHos')).to.match(/^HTTP\/1\.1 408 /);
    expect(await sayAll(port, '')).to.match(/^(HTTP\/1\.1 408 |$)/);
  });

  it('idle - a connection without a request is closed after its time', async () => {
    const { port } = await serve({ idleTimeoutMs: 50 });
    expect(await sayAll(port, 'GET /one HTTP/1.1\r\nHost: x\r\n\r\n')).to.match(/\/one:$/);
  });

  it('body - one announced as too large gets 413 before it is sent, also where the client asks first', async () => {
    const { log, port } = await serve({ maxBodyBytes: 10 });
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n';
    expect(await sayAll(port, `${head}\r\n`)).to.match(/^HTTP\/1\.1 413 /);
    expect(await sayAll(port, `${head}Expect: 100-continue\r\n\r\n`)).to.match(/^HTTP\/1\.1 413 /);
    expect(log.of('HTTP_REQUEST_STARTED')).to.have.length(0);
  });

  it('body - a chunked one that grows too large gets 413, is closed, and its request is told as aborted', async () => {
    const { log, port } = await serve({ maxBodyBytes: 10 });
    const client = new RawClient(port);
    client.say('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n');
    await log.until('HTTP_DATA_RECEIVED');
    client.say('8\r\n12345678\r\n0\r\n\r\n');
    expect(await client.closed()).to.match(/^HTTP\/1\.1 413 /);
    expect(log.names).to.include('HTTP_CONNECTION_ABORTED').and.not.include('HTTP_REQUEST_FINISHED');
  });

  it('body - one that is asked for with Expect: 100-continue is let in', async () => {
    const { port } = await serve();
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n';
    const client = new RawClient(port).say(head);
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    expect(await client.say('ok').closed()).to.match(/\/:ok$/);
  });

  it('body - one that comes slower than its pace gets 408 and is closed', async () => {
    const { log, port } = await serve({ bodyTimeoutMs: 60, minBodyBytesPerSecond: 1000 });
    const client = new RawClient(port).say('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n');
    const drip = setInterval(() => client.say('x'), 10);
    const answer = await client.closed();
    clearInterval(drip);
    expect(answer).to.match(/^HTTP\/1\.1 408 /);
    expect(log.names).to.include('HTTP_CONNECTION_ABORTED').and.not.include('HTTP_REQUEST_FINISHED');
  });

  it('body - what drips on after the answer ends the connection, and a rest that comes soon does not', async () => {
    const { server, port } = await serve({ bodyTimeoutMs: 60 });
    server.addRoute('/early', 'POST');
    server.on('HTTP_REQUEST_STARTED', (_, { clientID }) => {
      if (server.getRequestURL(clientID) === '/early') server.sendResponse(clientID, 'early');
    });
    const head = 'POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n';
    const dripping = new RawClient(port).say(head);
    const drip = setInterval(() => dripping.say('x'), 10);
    expect(await dripping.closed()).to.match(/early$/);
    clearInterval(drip);
    const quick = new RawClient(port).say(head);
    await quick.until('early');
    quick.say(`${'x'.repeat(100)}GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(await quick.closed()).to.match(/\/next:$/);
  });

  it('answer - one that never comes is 504 after its time', async () => {
    const { server, log, port } = await serve({ responseTimeoutMs: 50 });
    server.addRoute('/never', 'GET');
    server.onEvent = () => {};
    const answer = sayAll(port, 'GET /never HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await answer).to.match(/^HTTP\/1\.1 504 /);
    expect(log.events).to.be.an('array');
  });

  it('pipelining - answers keep the order of the requests, whichever is ready first', async () => {
    const server = new HttpServer({ deferred: false });
    servers.push(server);
    server.addRoute('/*');
    const log = new EventLog(server);
    const port = await server.startListening(0);
    const client = new RawClient(port);
    client.say('GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await log.until('HTTP_REQUEST_FINISHED', 2);
    const [first, second] = log.of('HTTP_REQUEST_FINISHED');
    server.sendResponse(second?.clientID ?? '', 'second');
    server.sendResponse(first?.clientID ?? '', 'first');
    expect(await client.closed()).to.match(/first[^]*second$/);
  });

  it('pipelining - more unanswered requests than allowed close the connection, and each is told as aborted', async () => {
    const { server, log, port } = await serve({ maxPipelinedRequests: 3 });
    server.removeRoute('/*');
    server.addRoute('/held', 'POST');
    const held = 'POST /held HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
    server.onEvent = (
      (dispatch) => (event, payload) =>
        event === 'HTTP_REQUEST_FINISHED' ? undefined : dispatch(event, payload)
    )(server.onEvent.bind(server));
    expect(await sayAll(port, held.repeat(4))).to.equal('');
    await log.until('HTTP_CONNECTION_ABORTED', 3);
    expect(log.of('HTTP_REQUEST_STARTED')).to.have.length(3);
  });

  it('requests - over the number that may wait get 503, and room comes back', async () => {
    const { server, log, port } = await serve({ maxRequests: 1 });
    server.addRoute('/held', 'PUT');
    const first = new RawClient(port).say(
      'PUT /held HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n',
    );
    await log.until('HTTP_REQUEST_STARTED');
    const other = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    expect(await sayAll(port, other)).to.match(/^HTTP\/1\.1 503 /);
    expect(await first.say('x').closed()).to.match(/\/held:x$/);
    expect(await sayAll(port, other)).to.match(/^HTTP\/1\.1 200 /);
  });

  it('targets - absolute ones are served by their path, "*" and CONNECT are not', async () => {
    const { port } = await serve();
    const tail = ' HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    expect(await sayAll(port, `GET http://x/a?b${tail}`)).to.match(/\r\n\r\n\/a:$/);
    expect(await sayAll(port, `OPTIONS *${tail}`)).to.match(/^HTTP\/1\.1 404 /);
    expect(await sayAll(port, `CONNECT x:80${tail}`)).to.not.match(/^HTTP\/1\.1 2/);
  });

  it('one client - never sees what belongs to another, though every answer comes late and out of order', async () => {
    const { server, log, port } = await serve();
    server.onEvent = () => {};
    const wrapped = new EventLog(server);
    const clients = Array.from({ length: 50 }, (_, index) =>
      new RawClient(port).say(`GET /c${index} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
    );
    await wrapped.until('HTTP_REQUEST_FINISHED', clients.length);
    for (const { clientID } of wrapped.of('HTTP_REQUEST_FINISHED').toReversed()) {
      server.sendResponse(clientID, `for ${server.getRequestURL(clientID)}`);
    }
    const answers = await Promise.all(clients.map((client) => client.closed()));
    for (const [index, answer] of answers.entries()) expect(answer).to.match(new RegExp(`\\r\\n\\r\\nfor /c${index}$`));
    expect(log.names).to.include('SERVER_STARTED_LISTENING');
  });
});
