import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Client, type ClientOptions, Server, type ServerOptions } from '../../lib/index.ts';
import { MemoryNetwork, VirtualClock } from '../../lib/testing/index.ts';
import { eager, rejected } from '../support/buses.ts';
import { certificate } from '../support/certificate.ts';

/** Options that mean what they mean to net-ipc. */
describe('options of net-ipc', () => {
  const ends: { close(): Promise<unknown> }[] = [];

  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end.close()));
  });

  async function started(options: ServerOptions): Promise<Server> {
    const server = new Server(options);
    ends.push(server);
    return server.start();
  }

  async function connected(options: ClientOptions): Promise<Client> {
    const client = new Client(options);
    ends.push(client);
    return client.connect();
  }

  const tls = { key: certificate.key, cert: certificate.cert };
  for (const [name, security] of [
    ['TCP', {}],
    ['TLS', { tls }],
  ] as const) {
    for (const [host, bound] of [
      ['0.0.0.0', '0.0.0.0'],
      ['127.0.0.1', '127.0.0.1'],
      ['localhost', '127.0.0.1'],
      [undefined, '127.0.0.1'],
    ] as const) {
      it(`listenOptions.host ${host} - is where a server listens over ${name}, as with the option host`, async () => {
        for (const options of [{ listenOptions: { host } }, { host }]) {
          const server = new Server({ port: 0, ...security, ...options });
          ends.push(server);
          let told = '';
          server.on('ready', (address) => (told = address));
          await server.start();
          expect(server.server?.address()).to.include({ address: bound });
          expect([told, server.address]).to.deep.equal([`${bound}:${server.port}`, `${bound}:${server.port}`]);
        }
      });
    }
  }

  it('listenOptions.host - does not contradict the option host, names a host, and does nothing to a path', () => {
    const listenOptions = { host: '0.0.0.0' };
    expect(() => new Server({ port: 0, host: '127.0.0.1', listenOptions })).to.throw(/exclude each other/);
    expect(() => new Server({ host: '127.0.0.1', listenOptions })).to.throw(/exclude each other/);
    expect(() => new Server({ url: 'tcp:127.0.0.1:0', listenOptions })).to.throw(/url and .* exclude each other/);
    expect(() => new Server({ url: 'localhost:4466', listenOptions })).to.throw(/url and .* exclude each other/);
    for (const host of [5, '', 'a b', null]) {
      expect(() => new Server({ port: 0, listenOptions: { host } })).to.throw(/listenOptions.host must name a host/);
    }
    new Server({ port: 0, host: '0.0.0.0', listenOptions });
    new Server({ url: 'tcp://0.0.0.0:0', listenOptions });
    new Server({ path: 'x', listenOptions });
    new Server({ url: 'memory:x', listenOptions });
  });

  it('max 0 - and none is no limit, and 1 is one', async () => {
    const network = new MemoryNetwork();
    for (const [max, taken] of [
      [0, 3],
      [undefined, 3],
      [Infinity, 3],
      [1, 1],
    ] as const) {
      const url = `memory:max-${max}`;
      const server = await started({ url, network, max });
      for (let count = 0; count < 3; count++) {
        const end = new Client({ url, network, retries: 0 });
        ends.push(end);
        await end.connect().catch(({ code }) => expect(code).to.equal('ERR_SERVER_FULL'));
      }
      expect(server.connections.length, `max: ${max}`).to.equal(taken);
    }
    expect(new Server({ url: 'memory:x' }).options.max).to.equal(Infinity);
  });

  it('port - may be text of digits, on both ends', async () => {
    const server = await started({ port: '0', host: '127.0.0.1' });
    const port = String(server.port);
    await connected({ port });
    await connected({ host: '127.0.0.1', port: `0${port}` });
    expect(() => new Client({ port: '0' })).to.throw(/port 0/);
  });

  describe('of the first connect()', () => {
    let deaf: NetServer;
    let attempts = 0;
    let url: string;

    beforeEach(async () => {
      attempts = 0;
      deaf = createServer((socket: Socket) => {
        attempts += 1;
        socket.destroy();
      });
      await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
      const address = deaf.address();
      url = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
      ends.push({ close: () => new Promise((resolve) => deaf.close(resolve)) });
    });

    for (const [options, made] of [
      [{}, 1],
      [{ retries: undefined }, 1],
      [{ retries: 0 }, 1],
      [{ retries: 2 }, 3],
    ] as const) {
      for (const native of [true, false]) {
        const given = { reconnect: false, native, ...options };
        it(`${JSON.stringify(given)} - makes ${made} attempt(s)`, async () => {
          const client = new Client({ url, maxRetryTime: 100, ...given });
          expect(await rejected(client.connect())).to.include({ code: 'ERR_CONNECT' });
          expect([attempts, client.options.retries]).to.deep.equal([made, made - 1]);
        });
      }
    }
  });

  it('waits of the first connect() - are 500 ms x attempt, up to maxRetryTime, whatever chance says', async () => {
    const clock = new VirtualClock();
    const client = new Client({
      url: 'memory:none',
      network: new MemoryNetwork(),
      clock,
      random: eager,
      retries: 5,
      maxRetryTime: 1_700,
    });
    const at: number[] = [];
    client.on('status', (status) => status === 1 && at.push(clock.now()));
    const failed = rejected(client.connect());
    await clock.run(60_000);
    expect(await failed).to.include({ code: 'ERR_CONNECT' });
    expect(at.slice(1).map((time, index) => time - at[index]!)).to.deep.equal([500, 1_000, 1_500, 1_700, 1_700]);
  });
});
