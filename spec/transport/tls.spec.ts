import { expect } from 'chai';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, it } from 'mocha';
import { parseAddress } from '../../lib/transport/address.ts';
import { dialer } from '../../lib/transport/dial.ts';
import { certificate } from '../support/certificate.ts';
import { dial, Host, rejection } from '../support/links.ts';

describe('tls - strangers', () => {
  let host: Host | undefined;
  let silent: { server: Server; sockets: Socket[] } | undefined;

  afterEach(async () => {
    await host?.close();
    for (const socket of silent?.sockets ?? []) socket.destroy();
    silent?.server.close();
    host = undefined;
    silent = undefined;
  });

  it('bytes that are no handshake - end in one error and no link', async () => {
    host = await Host.open(parseAddress('tls:127.0.0.1:0'), { options: certificate });
    const socket = connect({ port: host.listener.port ?? 0, host: '127.0.0.1' }, () =>
      socket.write('GET / HTTP/1.1\r\n\r\n'),
    );
    socket.on('error', () => {}).resume();
    await Promise.all([
      host.until(({ errors }) => errors.length > 0),
      new Promise((resolve) => socket.once('close', resolve)),
    ]);
    expect(host.errors.map((error) => 'code' in error && error.code)).to.deep.equal(['ERR_PROTOCOL']);
    expect(host.accepted).to.have.length(0);
  });

  it('a stranger who says nothing - is gone after the handshake timeout', async () => {
    host = await Host.open(parseAddress('tls:127.0.0.1:0'), { options: certificate, handshakeTimeoutMs: 30 });
    const socket = connect({ port: host.listener.port ?? 0, host: '127.0.0.1' });
    socket.on('error', () => {}).resume();
    await Promise.all([
      host.until(({ errors }) => errors.length > 0),
      new Promise((resolve) => socket.once('close', resolve)),
    ]);
    expect(host.errors.map((error) => 'code' in error && error.code)).to.deep.equal(['ERR_TIMEOUT']);
  });

  it('handshakes under way - end with the listener, without an error', async () => {
    host = await Host.open(parseAddress('tls:127.0.0.1:0'), { options: certificate });
    const accepted = new Promise((resolve) => host?.listener.server?.once('connection', resolve));
    const socket = connect({ port: host.listener.port ?? 0, host: '127.0.0.1' });
    const closed = new Promise((resolve) =>
      socket
        .on('error', () => {})
        .resume()
        .once('close', resolve),
    );
    await accepted;
    await host.listener.close();
    await closed;
    expect([host.errors, host.accepted]).to.deep.equal([[], []]);
  });

  it('more silent strangers than handshakes are allowed - make room for an honest client', async () => {
    host = await Host.open(parseAddress('tls:127.0.0.1:0'), { options: certificate, maxHandshakes: 3 });
    const port = host.listener.port ?? 0;
    const strangers = Array.from({ length: 8 }, () => connect({ port, host: '127.0.0.1' }));
    const gone = strangers.map(
      (socket) =>
        new Promise((resolve) =>
          socket
            .on('error', () => {})
            .resume()
            .once('close', resolve),
        ),
    );
    await Promise.all(gone.slice(0, 5));
    const client = await dial({ kind: 'tls', host: '127.0.0.1', port }, { options: { ca: certificate.cert } });
    await host.until(({ accepted }) => accepted.length === 1);
    for (const socket of strangers) socket.destroy();
    await Promise.all(gone);
    client.link.write(Buffer.from('hello'));
    await host.accepted[0]!.received(5);
    expect(host.accepted.map(({ text }) => text)).to.deep.equal(['hello']);
    client.link.destroy();
    await client.closed;
  });

  it('a certificate that nobody vouches for - fails the attempt', async () => {
    host = await Host.open(parseAddress('tls:127.0.0.1:0'), { options: certificate });
    const error = await rejection(
      dialer({ kind: 'tls', host: '127.0.0.1', port: host.listener.port ?? 0 })(new AbortController().signal),
    );
    expect([error.code, error.cause?.code]).to.deep.equal(['ERR_CONNECT', 'DEPTH_ZERO_SELF_SIGNED_CERT']);
  });

  it('a server that never answers the handshake - is left at once when the signal fires', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket.on('error', () => {}).resume()));
    silent = { server, sockets };
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const controller = new AbortController();
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const dialing = dialer({ kind: 'tls', host: '127.0.0.1', port })(controller.signal);
    const closed = new Promise((resolve) => void accepted.then((socket) => socket.once('close', resolve)));
    await accepted;
    controller.abort(new Error('waited enough'));
    expect((await rejection(dialing)).message).to.equal('waited enough');
    await closed;
  });
});
