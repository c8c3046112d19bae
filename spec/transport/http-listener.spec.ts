import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { get as getSecure } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { BusError } from '../../lib/base/errors.ts';
import { systemClock } from '../../lib/base/system-clock.ts';
import { VirtualClock } from '../../lib/testing/index.ts';
import { type HttpListenerEvents, type HttpListenerOptions, HttpListener } from '../../lib/transport/http-listener.ts';
import { until } from '../support/buses.ts';
import { certificate } from '../support/certificate.ts';
import { rejection } from '../support/links.ts';
import { Stranger } from '../support/stranger.ts';

const host = '127.0.0.1';
const get = (path = '/'): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

describe('HTTP listener', () => {
  const open: HttpListener[] = [];
  const strangers: Stranger[] = [];
  let accepting: Server | undefined;

  function listener(
    options: Partial<HttpListenerOptions> = {},
    events: Partial<HttpListenerEvents> = {},
  ): HttpListener {
    const request = (_: IncomingMessage, response: ServerResponse): void => void response.end('here');
    const error = (problem: Error): void => expect.fail(problem.message);
    const all = { name: 'spec', clock: systemClock, headersTimeoutMs: 10_000, ...options };
    const made = new HttpListener(all, { request, error, ...events });
    open.push(made);
    return made;
  }

  async function stranger(port: number): Promise<Stranger> {
    const made = await Stranger.at({ port });
    strangers.push(made);
    return made;
  }

  /** A socket that another server accepted for `to`, which read `head` of it, and the end that dialled it. */
  async function adopted(to: HttpListener, head = ''): Promise<Stranger> {
    accepting = createServer({ pauseOnConnect: true }, (socket: Socket) => to.adopt(socket, Buffer.from(head)));
    accepting.listen(0, host);
    await once(accepting, 'listening');
    return stranger((accepting.address() as AddressInfo).port);
  }

  const ends = (response: string) => (): boolean => strangers.at(-1)?.text.endsWith(response) === true;

  afterEach(async () => {
    for (const { socket } of strangers.splice(0)) socket.destroy();
    accepting?.close();
    accepting = undefined;
    await Promise.all(open.splice(0).map((each) => each.close()));
  });

  it('listen - binds a free port for 0, once, and has none before and after', async () => {
    const one = listener();
    expect(one.port).to.equal(undefined);
    const port = await one.listen({ host, port: 0 });
    expect([await one.listen({ host, port: 0 }), one.port]).to.deep.equal([port, port]);
    await one.close();
    expect(one.port).to.equal(undefined);
    expect(await one.listen({ host, port, backlog: 5 })).to.equal(port);
  });

  it('listen - says whose listener found the port taken, or the address not to be had', async () => {
    const port = await listener().listen({ host, port: 0 });
    const taken = await rejection(listener({ name: 'second' }).listen({ host, port }));
    expect([taken.code, (taken.cause as NodeJS.ErrnoException).code]).to.deep.equal([
      'ERR_ADDRESS_IN_USE',
      'EADDRINUSE',
    ]);
    expect(taken.message).to.match(new RegExp(`^second cannot listen on 127.0.0.1:${port}: `));
    const strange = await rejection(listener().listen({ host: '192.0.2.1', port: 0 }));
    expect([strange.code, strange.message.slice(0, 36)]).to.deep.equal([
      'ERR_LISTEN',
      'spec cannot listen on 192.0.2.1:0: l',
    ]);
  });

  it('TLS - is spoken with the options given, and options that Node does not take are ERR_LISTEN', async () => {
    const port = await listener({ tls: certificate }).listen({ host, port: 0 });
    const request = getSecure({ host, port, ca: certificate.cert, servername: 'localhost', agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).to.equal(200);
    response.resume();
    await once(response, 'close');
    expect(() => listener({ tls: { cert: 'none' } }))
      .to.throw(BusError)
      .with.property('code', 'ERR_LISTEN');
  });

  it('requests - come with whether they wait for 100 Continue', async () => {
    const heard: boolean[] = [];
    const port = await listener(
      {},
      {
        request: (_, response, expectsContinue) => {
          heard.push(expectsContinue);
          if (expectsContinue) response.writeContinue();
          response.end('here');
        },
      },
    ).listen({ host, port: 0 });
    const client = await stranger(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n');
    await until(ends('here'));
    client.send(get());
    await until(() => heard.length === 2);
    expect(heard).to.deep.equal([true, false]);
  });

  it('upgrades - come by themselves to who takes them, and are requests to anybody else', async () => {
    const upgrade = `GET /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhead`;
    const port = await listener(
      {},
      { upgrade: (request, socket, head) => void socket.end(`${request.url} ${String(head)}`) },
    ).listen({ host, port: 0 });
    (await stranger(port)).send(upgrade);
    await until(ends('/up head'));
    const plain = await listener().listen({ host, port: 0 });
    (await stranger(plain)).send(upgrade);
    await until(ends('here'));
  });

  it('limits - sockets, header bytes and header fields are counted, and the headers have a deadline', async () => {
    const fields: number[] = [];
    const request = ({ headers }: IncomingMessage, response: ServerResponse): void => {
      fields.push(Object.keys(headers).length);
      response.end('here');
    };
    const one = listener({ maxConnections: 1, maxHeaders: 3, maxHeaderBytes: 512, headersTimeoutMs: 80 }, { request });
    const port = await one.listen({ host, port: 0 });
    const client = await stranger(port);
    client.send(`GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n`);
    await until(ends('here'));
    const second = await stranger(port);
    await second.closed;
    expect([fields, second.text]).to.deep.equal([[4], '']);
    client.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(600)}\r\n\r\n`);
    await client.closed;
    expect(client.text).to.include('HTTP/1.1 431 ');
    const slow = await stranger(port);
    slow.send('GET / HTTP/1.1\r\n');
    await slow.closed;
    expect(slow.text).to.match(/^HTTP\/1.1 408 /);
  });

  it('sweep - comes every so often while the listener is open, by its clock', async () => {
    const clock = new VirtualClock();
    const swept: number[] = [];
    const one = listener({ clock, sweepMs: 100 }, { sweep: (now) => swept.push(now) });
    clock.advance(500);
    await one.listen({ host, port: 0 });
    clock.advance(250);
    await one.close();
    clock.advance(500);
    expect([swept, clock.pending]).to.deep.equal([[600, 700], 0]);
  });

  it('adopted sockets - are served from what was read of them on', async () => {
    const client = await adopted(listener(), get('/').slice(0, 6));
    client.send(get('/').slice(6));
    await until(ends('here'));
    expect(client.text).to.match(/^HTTP\/1.1 200 /);
  });

  it('adopted sockets - have a deadline for their headers, without a port too', async () => {
    const client = await adopted(listener({ headersTimeoutMs: 80 }), 'GET');
    await client.closed;
    expect(client.text).to.match(/^HTTP\/1.1 408 /);
  });

  it('close - cuts those who are served, adopted ones too', async () => {
    const started: string[] = [];
    const one = listener({}, { request: ({ url = '' }) => started.push(url) });
    const near = await stranger(await one.listen({ host, port: 0 }));
    near.send(get('/own'));
    const far = await adopted(one, get('/adopted'));
    await until(() => started.length === 2);
    await one.close();
    await Promise.all([near.closed, far.closed]);
    expect([near.text, far.text]).to.deep.equal(['', '']);
  });

  it('close - leaves connections that are not idle their time, and no longer', async () => {
    const clock = new VirtualClock();
    const responses: ServerResponse[] = [];
    const one = listener({ clock }, { request: (_, response) => responses.push(response) });
    const port = await one.listen({ host, port: 0 });
    const [quick, slow] = [await stranger(port), await stranger(port)];
    quick.send(get());
    slow.send(get());
    await until(() => responses.length === 2);
    let closed = false;
    const closing = one.close(1_000).then(() => (closed = true));
    responses[0]?.end('last words');
    responses[1]?.end('last words');
    await until(() => quick.text.endsWith('last words') && slow.text.endsWith('last words'));
    quick.socket.end();
    await quick.closed;
    clock.advance(999);
    await new Promise(setImmediate);
    expect([closed, slow.socket.closed]).to.deep.equal([false, false]);
    clock.advance(1);
    await Promise.all([closing, slow.closed]);
    expect([closed, clock.pending]).to.deep.equal([true, 0]);
  });
});
