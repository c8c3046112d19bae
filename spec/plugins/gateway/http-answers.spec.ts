import { request } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'chai';
import { afterEach, before, describe, it } from 'mocha';
import type { HttpServerOptions } from '../../../lib/plugins/gateway/index.ts';
import { HttpSendStatus, HttpServer } from '../../../lib/plugins/gateway/index.ts';
import { curl, hasCurl } from './curl.ts';
import { EventLog } from './event-log.ts';

describe('http server, its answers', () => {
  const servers: HttpServer[] = [];

  async function serve(options: HttpServerOptions, prepare: (server: HttpServer) => void) {
    const server = new HttpServer({ deferred: false, ...options });
    servers.push(server);
    const log = new EventLog(server);
    prepare(server);
    const port = await server.startListening(0);
    return { server, log, port, url: `http://127.0.0.1:${port}` };
  }

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stopListening()));
  });

  before(function () {
    if (!hasCurl) this.skip();
  });

  it('answer - status, given fields, Date and Content-Length are all there is', async () => {
    const { url } = await serve({}, (server) => {
      server.addRoute('/json');
      server.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
        expect(server.writeHeader(clientID, 'Content-Type', 'application/json')).to.equal(true);
        expect(server.sendResponse(clientID, '{"hello":"you"}')).to.equal(HttpSendStatus.SentAndEnded);
      });
    });
    const lines = (await curl('-i', `${url}/json`)).split('\r\n');
    expect(lines[0]).to.equal('HTTP/1.1 200 OK');
    expect(lines[1]).to.equal('Content-Type: application/json');
    expect(lines[2]).to.match(/^Date: /);
    expect(lines.slice(3)).to.deep.equal(['Content-Length: 15', '', '{"hello":"you"}']);
  });

  it('answer - a status without a body says Content-Length: 0', async () => {
    const { url } = await serve({}, (server) => {
      server.addRoute('/*');
      server.on('HTTP_REQUEST_STARTED', (_, { clientID }) => {
        server.writeStatus(clientID, '404 Not Found');
        server.sendResponse(clientID);
      });
    });
    const answer = await curl('-i', url);
    expect(answer).to.match(/^HTTP\/1\.1 404 Not Found\r\n/);
    expect(answer).to.include('Content-Length: 0\r\n');
  });

  it('pieces - writeResponse sends chunks, sendResponse the last of them', async () => {
    const statuses: number[] = [];
    const { url } = await serve({}, (server) => {
      server.addRoute('/*');
      server.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
        statuses.push(server.writeResponse(clientID, 'one '));
        statuses.push(server.writeResponse(clientID, ''));
        statuses.push(server.writeResponse(clientID, Buffer.from('two ')));
        expect(server.writeStatus(clientID, 500)).to.equal(false);
        expect(server.writeHeader(clientID, 'Late', 'yes')).to.equal(false);
        expect(server.streamResponse(clientID, 'other')).to.equal(HttpSendStatus.None);
        statuses.push(server.sendResponse(clientID, 'three'));
        statuses.push(server.sendResponse(clientID, 'four'), server.writeResponse(clientID, 'five'));
      });
    });
    const answer = await curl('-i', url);
    expect(answer)
      .to.include('Transfer-Encoding: chunked\r\n')
      .and.to.match(/\r\n\r\none two three$/);
    const { Sent, SentAndEnded, None } = HttpSendStatus;
    expect(statuses).to.deep.equal([Sent, Sent, Sent, SentAndEnded, None, None]);
  });

  it('stream - what did not fit is sent again from the offset of HTTP_CONNECTION_WRITABLE, and nothing is lost', async () => {
    const whole = Buffer.alloc(20_000_000, 'abcdefghij');
    const offsets: number[] = [];
    const statuses = new Set<number>();
    const { port } = await serve({}, (server) => {
      server.addRoute('/*');
      server.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => statuses.add(server.streamResponse(clientID, whole)));
      server.on('HTTP_CONNECTION_WRITABLE', (_, { clientID, message, offset }) => {
        expect(message.toString()).to.equal(String(offset));
        offsets.push(offset ?? -1);
        statuses.add(server.streamResponse(clientID, whole.subarray(offset)));
      });
    });
    const received = await new Promise<Buffer>((resolve, reject) => {
      const chunks: Buffer[] = [];
      request({ port, path: '/' }, (response) => {
        expect(response.headers['content-length']).to.equal('20000000');
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks)));
      })
        .on('error', reject)
        .end();
    });
    expect(received.equals(whole)).to.equal(true);
    expect(offsets.length).to.be.greaterThan(1);
    expect(offsets).to.deep.equal([...offsets].sort((a, b) => a - b));
    expect(statuses.has(HttpSendStatus.Waiting)).to.equal(true);
    expect([...statuses].some((status) => (status & HttpSendStatus.Ended) !== 0)).to.equal(true);
  });

  it('stream - more than the first call announced is refused', async () => {
    let thrown: unknown;
    const { log, port, server } = await serve({}, (it) => {
      it.addRoute('/*');
      it.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
        expect(it.streamResponse(clientID, Buffer.alloc(30_000_000))).to.equal(HttpSendStatus.Waiting);
        try {
          it.streamResponse(clientID, Buffer.alloc(30_000_000));
        } catch (error) {
          thrown = error;
        }
      });
    });
    const client = connect(port, '127.0.0.1').on('error', () => {});
    client.pause();
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const { clientID } = await log.until('HTTP_REQUEST_FINISHED');
    expect(thrown).to.have.property('code', 'ERR_INVALID_ARGUMENT');
    client.destroy();
    await log.until('HTTP_CONNECTION_ABORTED');
    expect(server.hasRequestDetails(clientID)).to.equal(false);
  });

  it('slow reader - writeResponse says Waiting, HTTP_CONNECTION_WRITABLE follows, and too much is refused', async () => {
    const statuses: number[] = [];
    let thrown: unknown;
    const { server, log, port } = await serve({ maxBufferedBytes: 8_000_000 }, (it) => {
      it.addRoute('/*');
      it.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
        try {
          for (let turn = 0; turn < 100; turn++) statuses.push(it.writeResponse(clientID, Buffer.alloc(1_000_000)));
        } catch (error) {
          thrown = error;
        }
      });
    });
    const client = connect(port, '127.0.0.1');
    client.pause();
    client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const { clientID } = await log.until('HTTP_REQUEST_FINISHED');
    expect(thrown).to.have.property('code', 'ERR_QUEUE_FULL');
    expect(statuses.at(-1)).to.equal(HttpSendStatus.Waiting);
    client.resume();
    const { offset } = await log.until('HTTP_CONNECTION_WRITABLE');
    expect(offset).to.equal(statuses.length * 1_000_000);
    expect(server.sendResponse(clientID, 'end')).to.equal(HttpSendStatus.SentAndEnded);
    await new Promise((resolve) => client.once('close', resolve));
  });

  it('head of an answer - what HTTP does not take is refused where it is said', async () => {
    const refused: unknown[] = [];
    const { url } = await serve({}, (server) => {
      server.addRoute('/*');
      server.on('HTTP_REQUEST_FINISHED', (_, { clientID }) => {
        const attempts = [
          () => server.writeStatus(clientID, '200 OK\r\nInjected: yes'),
          () => server.writeStatus(clientID, '99'),
          () => server.writeStatus(clientID, 101),
          () => server.writeHeader(clientID, 'A\r\nB', 'c'),
          () => server.writeHeader(clientID, 'A', 'b\r\nInjected: yes'),
          () => server.writeHeader(clientID, 'Content-Length', '3'),
          () => server.writeHeader(clientID, 'Transfer-Encoding', 'chunked'),
        ];
        for (const attempt of attempts) {
          try {
            attempt();
          } catch (error) {
            refused.push((error as { code?: string }).code);
          }
        }
        server.writeHeader(clientID, 'Set-Cookie', 'a=1');
        server.writeHeader(clientID, 'Set-Cookie', 'b=2');
        server.sendResponse(clientID, 'ok');
      });
    });
    const answer = await curl('-i', url);
    expect(refused).to.deep.equal(Array.from({ length: 7 }, () => 'ERR_INVALID_ARGUMENT'));
    expect(answer).to.include('Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n').and.not.include('Injected');
  });
});
