import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { get as getSecurely } from 'node:https';
import { connect } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { certificate } from '../../support/certificate.ts';
import { TransferBus, type TransferClient } from './support/transfer-bus.ts';

const content = Buffer.alloc(3_000_000, 'interserve');

async function statusOf(request: ClientRequest): Promise<number | undefined> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

describe('interserve listening', () => {
  let bus: TransferBus;
  afterEach(async () => {
    await bus.close();
    expect(bus.errors).to.deep.equal([]);
  });

  async function bothWays({ transfers, peer }: TransferClient): Promise<void> {
    let got = 0;
    bus.transfers.add('map');
    bus.transfers.receive('map', (data) => (got += data.length));
    transfers.receive('map', (data) => (got += data.length));
    await bus.transfers.send('map', content, peer).receipt;
    await transfers.send('map', content).receipt;
    expect(got).to.equal(2 * content.length);
  }

  it('the port of the bus - is shared, and nothing else listens', async () => {
    bus = await TransferBus.start({ share: true });
    await bothWays(await bus.connect());
    expect(bus.transfers.port).to.equal(undefined);
    expect(await statusOf(get(`http://127.0.0.1:${bus.server.port}/`, { agent: false }))).to.equal(404);
    expect(bus.server.connections).to.have.length(1);
  });

  for (const share of [false, true]) {
    it(`${share ? 'the port of the bus' : 'a port of its own'} - cuts a requester whose headers never end`, async () => {
      bus = await TransferBus.start({ share, timeout: 1 });
      const socket = connect(bus.port, '127.0.0.1');
      socket.write('GET /first HTTP/1.1\r\nHost: x\r\n\r\n');
      const answers = text(socket).catch(() => '');
      await once(socket, 'data');
      const drip = setInterval(() => socket.write('X-More: 1\r\n'), 50);
      socket.write('GET /second HTTP/1.1\r\nHost: x\r\n');
      await once(socket, 'close');
      clearInterval(drip);
      expect(await answers).to.match(/^HTTP\/1\.1 404 /);
    });
  }

  it('a socket file of the bus - is shared too', async function () {
    if (process.platform === 'win32') this.skip();
    const folder = await mkdtemp(join(tmpdir(), 'busbar-spec-'));
    const path = join(folder, 'bus');
    bus = await TransferBus.start({ share: true }, { path, host: undefined, port: undefined });
    await bothWays(await bus.connect({}, { path, host: undefined, port: undefined }));
    // A server reports that its socket file is gone.
    await bus.close();
    await rm(folder, { recursive: true });
  });

  it('a socket file of the bus - goes with a port of its own for transfers', async function () {
    if (process.platform === 'win32') this.skip();
    const folder = await mkdtemp(join(tmpdir(), 'busbar-spec-'));
    const path = join(folder, 'bus');
    bus = await TransferBus.start({}, { path, host: undefined, port: undefined });
    await bothWays(await bus.connect({}, { path, host: undefined, port: undefined }));
    // A server reports that its socket file is gone.
    await bus.close();
    await rm(folder, { recursive: true });
  });

  it('TLS options of the bus - make it HTTPS', async () => {
    bus = await TransferBus.start({}, { tls: true, options: certificate });
    const tls = { tls: true, options: { ca: certificate.cert } };
    await bothWays(await bus.connect({}, tls));
    const request = getSecurely(`https://127.0.0.1:${bus.port}/`, { agent: false, ca: certificate.cert });
    expect(await statusOf(request)).to.equal(404);
  });

  it('TLS options of the bus - share its port as well', async () => {
    bus = await TransferBus.start({ share: true }, { tls: true, options: certificate });
    await bothWays(await bus.connect({}, { tls: true, options: { ca: certificate.cert } }));
  });

  it('a port in use - fails the start of the bus', async () => {
    bus = await TransferBus.start();
    const second = new TransferBus({ iport: bus.port });
    const error = await second.server.start().catch((failure: unknown) => failure);
    expect(error).to.have.property('code', 'ERR_ADDRESS_IN_USE');
  });

  it('an address that is not of this machine - fails the start of the bus', async () => {
    bus = new TransferBus({ host: '192.0.2.1' });
    const error = await bus.server.start().catch((failure: unknown) => failure);
    expect(error).to.have.property('code', 'ERR_LISTEN');
  });

  it('a server that is closed - starts again with its endpoints', async () => {
    bus = await TransferBus.start();
    bus.transfers.add('map');
    await bus.close();
    await bus.server.start();
    await bothWays(await bus.connect());
  });

  it('options - of the wrong side, unknown or out of range are refused by name', async () => {
    bus = await TransferBus.start();
    expect(() => new TransferBus({ timout: 3 } as object)).to.throw('did you mean "timeout"');
    expect(() => new TransferBus({ timeout: 0 })).to.throw('"timeout"');
    expect(() => new TransferBus({ trusted: ['nonsense'] })).to.throw('"trusted"');
    expect(() => bus.client({ iport: 1 })).to.throw('"iport"');
  });
});
