import { deflateRawSync } from 'node:zlib';
import { expect } from 'chai';
import { after, afterEach, describe, it } from 'mocha';
import { Server } from '../../../lib/index.ts';
import type { BrowserListenerOptions } from '../../../lib/plugins/gateway/index.ts';
import { gateway } from '../../../lib/plugins/gateway/index.ts';
import { certificate } from '../../support/certificate.ts';
import { socketFolder } from '../../support/links.ts';
import { RawClient, sayAll } from './raw-client.ts';
import { frame, handshake, WebSocketClient } from './websocket-client.ts';

describe('browser listener', () => {
  const folder = socketFolder();
  const servers: Server[] = [];
  const pages: WebSocketClient[] = [];
  let paths = 0;

  async function open(options: BrowserListenerOptions = {}, serverOptions: object = {}) {
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
    expect((await large.closed).code).to.equal(1009);
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

  it('compression - is negotiated when it is on, with pages that offer it, and never when it is off', async () => {
    const extensions = async (compression: boolean | undefined, offered: boolean): Promise<string> => {
      const { join } = await open(compression === undefined ? {} : { compression });
      const page = join('/bus', { perMessageDeflate: offered });
      await page.opened;
      return page.ws.extensions;
    };
    expect(await extensions(true, true)).to.match(/^permessage-deflate\b/);
    expect(await extensions(true, false)).to.equal('');
    expect(await extensions(false, true)).to.equal('');
    expect(await extensions(undefined, true)).to.equal('');
  });

  it('compression - a message that inflates beyond the limit is closed with 1009 before it is whole, and the server lives', async () => {
    const { join, server, port, errors } = await open({ compression: true });
    const other = join();
    await other.opened;
    const bomb = deflateRawSync(Buffer.alloc(50_000_000));
    const before = process.memoryUsage().arrayBuffers;
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers);
    }, 1);
    const bomber = new RawClient(port).say(handshake('/bus', 'Sec-WebSocket-Extensions: permessage-deflate\r\n'));
    await bomber.until('\r\n\r\n');
    bomber.socket.write(frame(2, bomb, { rsv1: true }));
    const answer = Buffer.from(await bomber.closed(), 'latin1');
    clearInterval(watch);
    const close = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
    expect([close[0], close.readUInt16BE(2)]).to.deep.equal([0x88, 1009]);
    expect(peak - before).to.be.below(20_000_000);
    expect(server.connections).to.deep.equal([]);
    expect(errors).to.deep.equal([]);
    expect(other.ws.readyState).to.equal(other.ws.OPEN);
    expect(await join().status).to.equal(101);
  });

  it('limits - one that says nothing is closed when the handshake took too long', async () => {
    const { join, server, errors } = await open({}, { handshakeTimeoutMs: 60 });
    const silent = join();
    await silent.opened;
    const openedAt = performance.now();
    await silent.closed;
    expect(performance.now() - openedAt).to.be.within(30, 10_000);
    expect([server.connections, errors]).to.deep.equal([[], ['ERR_TIMEOUT']]);
  });

  it('close - of the server ends the links and frees the port', async () => {
    const { server, join, port } = await open();
    const page = join();
    await page.opened;
    await server.close();
    await page.closed;
    const next = await open({ port });
    expect(next.port).to.equal(port);
    expect(await next.join().status).to.equal(101);
  });
});
