import { fork } from 'node:child_process';
import { expect } from 'chai';
import { after, afterEach, describe, it } from 'mocha';
import { Client, Server } from '../../../lib/index.ts';
import type { GatewayOptions, RemoteWeb } from '../../../lib/plugins/gateway/index.ts';
import { gateway, HttpSendStatus, HttpServer } from '../../../lib/plugins/gateway/index.ts';
import { BreakableProxy } from '../../browser/breakable-proxy.ts';
import { until } from '../../support/buses.ts';
import { EventLog } from './event-log.ts';
import { answering, GatewayKit, get, type WorkerPeer } from './gateway-kit.ts';

describe('gateway, workers that go', () => {
  const kit = new GatewayKit('http');
  const worker = (path: string, prepare?: (web: RemoteWeb) => unknown): Promise<WorkerPeer> =>
    kit.worker(path, prepare);

  async function front(options: GatewayOptions = {}) {
    const { server, path, web } = await kit.front({ http: { port: 0 }, ...options });
    return { server, path, port: web.http?.port ?? 0, http: web.http as HttpServer };
  }

  afterEach(() => kit.clear());

  after(() => kit.remove());

  it('worker that closes - what it has begun is answered 502 at once, and what comes next goes to the other', async () => {
    const { path, port } = await front({ graceMs: 100 });
    const a = await worker(path);
    await a.web.http.addRoute('/*');
    const begun = get(port, '/begun');
    await a.log.until('HTTP_REQUEST_FINISHED');
    await worker(path, answering('b'));
    await a.client.close();
    expect(await begun).to.deep.equal({ status: 502, text: 'Bad Gateway' });
    expect((await get(port, '/next')).text).to.match(/^b /);
  });

  it('route without a worker - its requests wait for the next one, and get 502 after the grace time', async () => {
    const { path, port, http } = await front({ graceMs: 150 });
    const a = await worker(path, answering('a'));
    await a.client.close();
    const waiting = get(port, '/waiting');
    await worker(path, answering('b'));
    expect((await waiting).text).to.match(/^b /);
    await kit.clients.at(-1)?.close();
    expect(await get(port, '/lost')).to.deep.equal({ status: 502, text: 'Bad Gateway' });
    expect(http.getRegisteredRoutes('ANY')).to.deep.equal([]);
    expect((await get(port, '/gone')).status).to.equal(404);
  });

  it('worker that is killed - what it never began goes to the other after the grace time, what it began gets 502', async () => {
    const { path, port } = await front({ graceMs: 200 });
    const child = fork(new URL('worker-program.js', import.meta.url), [path], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.once('message', resolve));
    const begun = get(port, '/begun', { method: 'POST' });
    await new Promise((resolve) => child.once('message', resolve));
    child.kill('SIGSTOP');
    const unbegun = Array.from({ length: 5 }, (_, n) => get(port, `/unbegun${n}`, { method: 'POST' }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await worker(path, answering('b'));
    child.kill('SIGKILL');
    await ended;
    expect((await get(port, '/while-away')).text).to.match(/^b /);
    expect(await begun).to.deep.equal({ status: 502, text: 'Bad Gateway' });
    const texts = (await Promise.all(unbegun)).map(({ text }) => text);
    expect(texts).to.deep.equal(texts.map((_, n) => `b /unbegun${n} `));
  });

  it('worker whose link breaks - comes back within the grace time, and everything is answered once, by itself', async () => {
    const { path, port } = await front();
    let calls = 0;
    const { client, web } = await worker(path);
    web.http.on('HTTP_REQUEST_FINISHED', async (_, { clientID }) => {
      calls += 1;
      if (calls % 10 === 0) client.connection?.destroy();
      await web.http.sendResponse(clientID, String(web.http.getRequestURL(clientID)));
    });
    await web.http.addRoute('/*');
    const paths = Array.from({ length: 50 }, (_, n) => `/r${n}`);
    const answers = await Promise.all(paths.map((each) => get(port, each)));
    expect(answers.map(({ status }) => status)).to.deep.equal(paths.map(() => 200));
    expect(calls).to.equal(50);
  });

  it('worker that is away for too long - loses what it had to another, and begins anew when it is back', async () => {
    const server = new Server({ port: 0 });
    kit.servers.push(server);
    const { http } = server.use(gateway({ http: { port: 0 }, graceMs: 60 }));
    await server.start();
    const proxy = new BreakableProxy(server.port ?? 0);
    const client = new Client({ port: await proxy.listen(), host: '127.0.0.1' });
    kit.clients.push(client);
    const web = client.use(gateway());
    const log = new EventLog(web.http);
    await client.connect();
    const outcomes: string[] = [];
    client.on('session', ({ outcome }) => void outcomes.push(outcome));
    await web.http.addRoute('/*');
    const lost = get(http?.port ?? 0, '/lost');
    const { clientID } = await log.until('HTTP_REQUEST_FINISHED');
    proxy.break();
    expect((await lost).status).to.equal(502);
    proxy.mend();
    expect((await log.until('HTTP_CONNECTION_ABORTED')).clientID).to.equal(clientID);
    expect(await web.http.sendResponse(clientID, 'late')).to.equal(HttpSendStatus.None);
    expect(outcomes).to.deep.equal(['resumed']);
    web.http.on('HTTP_REQUEST_FINISHED', (_, { clientID: id }) => web.http.sendResponse(id, 'back'));
    await until(() => http?.getRegisteredRoutes('ANY').length !== 0);
    expect((await get(http?.port ?? 0, '/again')).text).to.equal('back');
    await client.close();
    await proxy.close();
  });

  it('front that restarts - its workers come back and add their routes by themselves', async () => {
    const { server, path } = await front();
    const { client } = await worker(path, answering('a', '/kept', 'GET'));
    const ready = new Promise<void>((resolve) => client.once('ready', () => resolve()));
    await server.close(true);
    const again = new Server({ path });
    kit.servers.push(again);
    const { http } = again.use(gateway({ http: { port: 0 } }));
    await again.start();
    await ready;
    await until(() => http?.getRegisteredRoutes('GET').length !== 0);
    expect((await get(http?.port ?? 0, '/kept')).text).to.match(/^a /);
  });
});
