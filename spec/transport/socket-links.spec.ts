import { expect } from 'chai';
import { connect } from 'node:net';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { type Address, parseAddress } from '../../lib/transport/address.ts';
import { dialer } from '../../lib/transport/dial.ts';
import type { DialSettings, ListenSettings } from '../../lib/transport/settings.ts';
import { SocketLink } from '../../lib/transport/socket-link.ts';
import { certificate } from '../support/certificate.ts';
import { dial, Host, rejection, socketFolder, type Witness } from '../support/links.ts';

const psk = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
const pskOptions = { ciphers: 'PSK', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };

interface Transport {
  readonly name: string;
  readonly url: string;
  readonly dial: DialSettings;
  readonly listen: ListenSettings;
  /** Sockets may be released, and are read in the way of the platform. */
  readonly mayRelease?: boolean;
}

const transports: Transport[] = [
  { name: 'tcp', url: 'tcp:127.0.0.1:0', dial: {}, listen: {} },
  { name: 'tcp on localhost', url: 'tcp:localhost:0', dial: {}, listen: {} },
  {
    name: 'tls, certificate',
    url: 'tls:localhost:0',
    dial: { options: { ca: certificate.cert } },
    listen: { options: certificate },
  },
  {
    name: 'tls, certificate in option tls',
    url: 'tls:127.0.0.1:0',
    dial: { tls: { ca: certificate.cert } },
    listen: { tls: certificate },
  },
  {
    name: 'tls, pre-shared key',
    url: 'tls:127.0.0.1:0',
    dial: {
      options: { ...pskOptions, pskCallback: () => ({ psk, identity: 'me' }), checkServerIdentity: () => undefined },
    },
    listen: {
      options: { ...pskOptions, pskCallback: (_socket: unknown, identity: string) => (identity === 'me' ? psk : null) },
    },
  },
];
if (process.platform !== 'win32') transports.unshift({ name: 'unix', url: 'unix', dial: {}, listen: {} });
for (const transport of transports.filter(({ name }) => name === 'unix' || name === 'tcp')) {
  transports.push({ ...transport, name: `${transport.name}, to be released`, mayRelease: true });
}

for (const transport of transports) {
  describe(`socket link - ${transport.name}`, () => {
    let folder: ReturnType<typeof socketFolder>;
    let host: Host;
    let address: Address;
    let client: Witness;
    let server: Witness;

    before(() => {
      folder = socketFolder();
    });

    after(() => folder.remove());

    beforeEach(async () => {
      const wanted = parseAddress(transport.url === 'unix' ? `unix:${folder.path('s')}` : transport.url);
      host = await Host.open(wanted, { ...transport.listen, endTimeoutMs: 250 }, transport.mayRelease);
      address = 'port' in wanted ? { ...wanted, port: host.listener.port ?? 0 } : wanted;
      client = await dial(address, { ...transport.dial, endTimeoutMs: 250 });
      await host.until(({ accepted }) => accepted.length === 1);
      server = host.accepted[0]!;
    });

    afterEach(async () => {
      client.link.destroy();
      await client.closed;
      await host.close();
    });

    it('what it is - shows at both ends', () => {
      for (const { link } of [client, server]) {
        expect(link.kind).to.equal(address.kind);
        expect(link.trusted).to.equal(address.kind === 'unix');
        expect(link.remote).to.equal(address.kind === 'unix' ? folder.path('s') : '127.0.0.1');
        expect(link.socket).to.not.equal(undefined);
      }
    });

    it('bytes - arrive complete and in order both ways, with back-pressure and drain', async () => {
      const big = Buffer.alloc(8 << 20, 'abcdefghijklmnop');
      expect(client.link.write(big)).to.equal(false);
      expect(client.link.bufferedBytes).to.be.greaterThan(0);
      server.link.write(Buffer.from('pong'));
      await Promise.all([server.received(big.length), client.received(4)]);
      expect(Buffer.concat(server.chunks).equals(big)).to.equal(true);
      expect(client.text).to.equal('pong');
      expect(client.drains).to.equal(1);
    });

    it('pause - holds data back until resume', async () => {
      server.link.pause();
      client.link.write(Buffer.alloc(1 << 20));
      server.link.write(Buffer.from('x'));
      await client.received(1);
      expect(server.size).to.equal(0);
      server.link.resume();
      await server.received(1 << 20);
      expect(server.size).to.equal(1 << 20);
    });

    it('end - delivers what was written, then both ends close once without an error', async () => {
      const big = Buffer.alloc(2 << 20, 1);
      client.link.write(big);
      client.link.end();
      client.link.end();
      expect(client.link.write(Buffer.of(1))).to.equal(false);
      await Promise.all([client.closed, server.closed]);
      expect(server.size).to.equal(big.length);
      expect([client.closes, server.closes, client.error, server.error]).to.deep.equal([1, 1, undefined, undefined]);
    });

    it('end - closes within its bound if the peer reads nothing', async () => {
      server.link.pause();
      client.link.write(Buffer.alloc(16 << 20));
      client.link.end();
      await client.closed;
      expect(client.closes).to.equal(1);
    });

    it('end - of a paused link does not cost a slow peer its last bytes', async () => {
      server.link.pause();
      client.link.pause();
      client.link.write(Buffer.alloc(1 << 20));
      const last = Buffer.alloc(100_000, 2);
      server.link.write(last);
      server.link.end();
      await server.closed;
      client.link.resume();
      await client.closed;
      expect([client.size, client.error]).to.deep.equal([last.length, undefined]);
      expect(server.size).to.equal(0);
    });

    it('destroy - closes once, with the error given', async () => {
      const reason = new Error('enough');
      client.link.destroy(reason);
      client.link.destroy();
      await Promise.all([client.closed, server.closed]);
      expect([client.closes, client.error, server.closes]).to.deep.equal([1, reason, 1]);
      expect(client.link.write(Buffer.of(1))).to.equal(false);
    });

    it('release - hands the socket over with every byte and tells the old owner nothing', async () => {
      if (address.kind !== 'tls' && transport.mayRelease !== true) {
        expect(server.link.release()).to.equal(undefined);
        return;
      }
      const socket = server.link.release()!;
      expect([server.link.socket, server.link.release()]).to.deep.equal([undefined, undefined]);
      client.link.write(Buffer.from('to the new owner'));
      const text = await new Promise<string>((resolve) => {
        socket.once('data', (bytes: Buffer) => resolve(bytes.toString()));
        socket.resume();
      });
      expect(text).to.equal('to the new owner');
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.destroy();
      await Promise.all([closed, client.closed]);
      expect([server.size, server.closes]).to.deep.equal([0, 0]);
      host.accepted.length = 0;
    });

    it('a listener that closed - refuses with the error of the system, and keeps its links', async () => {
      await host.listener.close();
      const error = await rejection(dialer(address, transport.dial)(new AbortController().signal));
      expect(error.code).to.equal('ERR_CONNECT');
      expect(error.cause!.code).to.equal(address.kind === 'unix' ? 'ENOENT' : 'ECONNREFUSED');
      client.link.write(Buffer.from('still'));
      await server.received(5);
    });

    it('an address that is taken - is refused with the error of the system', async () => {
      const error = await rejection(Host.open(address, transport.listen));
      expect([error.code, error.cause?.code]).to.deep.equal(['ERR_ADDRESS_IN_USE', 'EADDRINUSE']);
    });

    it('an aborted attempt - rejects with the reason of its signal', async () => {
      const reason = new Error('changed my mind');
      expect(await rejection(dialer(address, transport.dial)(AbortSignal.abort(reason)))).to.equal(reason);
      const controller = new AbortController();
      const dialing = dialer(address, transport.dial)(controller.signal);
      controller.abort(reason);
      expect(await rejection(dialing)).to.equal(reason);
    });
  });
}

describe('dial', () => {
  it('port 0 - is refused, it can only be listened on', () => {
    expect(() => dialer({ kind: 'tcp', host: 'localhost', port: 0 })).to.throw(/Option port/);
  });

  it('a host that does not exist - is ERR_CONNECT with the error of the resolver', async () => {
    const error = await rejection(
      dialer({ kind: 'tcp', host: 'nobody.invalid', port: 1 })(new AbortController().signal),
    );
    expect(error.code).to.equal('ERR_CONNECT');
    expect(error.cause?.code).to.be.oneOf(['ENOTFOUND', 'EAI_AGAIN']);
  });

  it('a link that closed before anybody listened to it - still says so, once', async () => {
    const host = await Host.open(parseAddress('tcp:127.0.0.1:0'));
    const socket = connect({ port: host.listener.port ?? 0, host: '127.0.0.1' });
    const link = new SocketLink(socket, { kind: 'tcp', remote: 'x' });
    link.destroy();
    await new Promise((resolve) => socket.once('close', resolve));
    let closes = 0;
    await new Promise<void>((resolve) =>
      link.attach({
        data: () => {},
        drain: () => {},
        close: () => {
          closes += 1;
          resolve();
        },
      }),
    );
    await host.close();
    expect(closes).to.equal(1);
  });
});
