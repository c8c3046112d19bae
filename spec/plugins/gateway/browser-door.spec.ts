import { expect } from 'chai';
import { after, afterEach, describe, it } from 'mocha';
import { Server } from '../../../lib/index.ts';
import type { BrowserDoorOptions } from '../../../lib/plugins/gateway/index.ts';
import { gateway } from '../../../lib/plugins/gateway/index.ts';
import { certificate } from '../../support/certificate.ts';
import { socketFolder } from '../../support/links.ts';
import { sayAll } from './raw-client.ts';
import { WebSocketClient } from './websocket-client.ts';

describe('browser door', () => {
  const folder = socketFolder();
  const servers: Server[] = [];
  const pages: WebSocketClient[] = [];
  let paths = 0;

  async function open(options: BrowserDoorOptions = {}, serverOptions: object = {}) {
    const server = new Server({ path: folder.path(`d${paths++}`), ...serverOptions });
    servers.push(server);
    const errors: string[] = [];
    server.on('error', ({ code }) => void errors.push(code));
    const web = server.use(gateway({ browser: { port: 0, ...options } }));
    await server.start();
    const port = web.browser?.port ?? 0;
    const join = (path = '/bus', more: object = {}): WebSocketClient => {
      const scheme = options.tls === undefined ? 'ws' : 'wss';
      const page = new WebSocketClient(`${scheme}://127.0.0.1:${port}${path}`, { rejectUnauthorized: false, ...more });
      pages.push(page);
      return page;
    };
    return { server, port, join, errors };
  }

  after(() => folder.remove());

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
    await Promise.all(
      pages.splice(0).map((page) => {
        page.ws.terminate();
        return page.closed;
      }),
    );
  });

  it('upgrade - the path, the same origin or none, and nothing else', async () => {
    const { port, join } = await open();
    expect(await join().status).to.equal(101);
    expect(await join('/bus', { origin: `http://127.0.0.1:${port}` }).status).to.equal(101);
    expect(await join('/bus', { origin: 'http://127.0.0.1' }).status).to.equal(403);
    expect(await join('/bus', { origin: 'null' }).status).to.equal(403);
    expect(await join('/other').status).to.equal(404);
    expect(await sayAll(port, 'GET /bus HTTP/1.1\r\nHost: x\r\n\r\n')).to.match(/^HTTP\/1\.1 426 /);
  });

  it('upgrade - over TLS', async () => {
    const { join } = await open({ tls: certificate });
    expect(await join().status).to.equal(101);
  });

  it('limits - a message over its limit, text, and bytes that are no bus end the link', async () => {
    const { join, server } = await open({ maxMessageBytes: 2000 });
    const large = join();
    await large.opened;
    large.ws.send(Buffer.alloc(3000));
    expect((await large.closed).code).to.be.oneOf([1006, 1009]);
    const text = join();
    await text.opened;
    text.ws.send('hello');
    expect((await text.closed).code).to.equal(1006);
    const noise = join();
    await noise.opened;
    noise.ws.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await noise.closed;
    expect(server.connections).to.deep.equal([]);
  });

  it('limits - one that says nothing is closed when the handshake took too long', async () => {
    const { join } = await open({}, { handshakeTimeoutMs: 60 });
    const silent = join();
    await silent.opened;
    await silent.closed;
  });

  it('close - of the server ends the links and frees the port', async () => {
    const { server, join, port } = await open();
    const page = join();
    await page.opened;
    await server.close();
    await page.closed;
    await open({ port });
  });
});
