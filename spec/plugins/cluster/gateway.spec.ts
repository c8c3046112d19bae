import { once } from 'node:events';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Client } from '../../../lib/index.ts';
import { gateway, type GatewayOptions, type LocalWeb, type RemoteWeb } from '../../../lib/plugins/gateway/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { natsServer } from '../../support/nats-server.ts';
import { get } from '../gateway/gateway-kit.ts';
import { WebSocket } from 'ws';
import { Galaxy, type Star } from './galaxy.ts';

interface Front extends Star {
  readonly web: LocalWeb;
}

interface Worker {
  readonly client: Client;
  readonly web: RemoteWeb;
}

(natsServer === undefined ? describe.skip : describe)('gateways over nodes', () => {
  let galaxy: Galaxy;
  let front: Front;
  let back: Front;

  beforeEach(async () => {
    galaxy = await Galaxy.open({ secret: 'the secret of all nodes' });
    front = await node('eu-1', { http: { port: 0 }, websocket: { port: 0 }, graceMs: 300 });
    back = await node('eu-2', {});
    await until(() => front.world.nodes.length === 2 && back.world.nodes.length === 2);
  });

  afterEach(async () => {
    await galaxy.end();
  });

  async function node(name: string, options: GatewayOptions): Promise<Front> {
    let web: LocalWeb | undefined;
    const made = await galaxy.star(name, {}, (server) => (web = server.use(gateway(options))));
    return { ...made, web: web as LocalWeb };
  }

  async function worker(of: Star): Promise<Worker> {
    let web: RemoteWeb | undefined;
    const client = await galaxy.client(of, {}, (one) => (web = one.use(gateway())));
    return { client, web: web as RemoteWeb };
  }

  const httpPort = (): number => front.web.http?.port ?? 0;

  /** Answers with its name and how many bytes the body had. */
  async function answering({ web }: Worker, name: string, route = '/who'): Promise<void> {
    const sizes = new Map<string, number>();
    web.http.on('HTTP_DATA_RECEIVED', (_, { clientID, message }) => {
      sizes.set(clientID, (sizes.get(clientID) ?? 0) + message.length);
    });
    web.http.on('HTTP_REQUEST_FINISHED', async (_, { clientID, message }) => {
      if (web.http.getRequestDetails(clientID)?.url === '/hang') return;
      web.http.writeHeader(clientID, 'X-By', name);
      await web.http.sendResponse(clientID, `${name} ${(sizes.get(clientID) ?? 0) + message.length}`);
    });
    await web.http.addRoute(route);
  }

  it('requests - go to workers of all nodes, bodies too, and on to others when one is gone', async () => {
    const far = await worker(back);
    await answering(far, 'far');
    expect((await get(httpPort(), '/who')).text).to.equal('far 0');
    const large = await fetch(`http://127.0.0.1:${httpPort()}/who`, { method: 'POST', body: Buffer.alloc(3_000_000) });
    expect([large.headers.get('x-by'), await large.text()]).to.deep.equal(['far', 'far 3000000']);
    await answering(await worker(front), 'near');
    const both = await Promise.all(Array.from({ length: 20 }, () => get(httpPort(), '/who')));
    expect(new Set(both.map(({ text }) => text))).to.deep.equal(new Set(['far 0', 'near 0']));
    await far.client.close();
    await until(async () => {
      const rest = await Promise.all(Array.from({ length: 8 }, () => get(httpPort(), '/who')));
      return rest.every(({ text }) => text === 'near 0');
    });
    expect(await rejected((await worker(back)).web.http.addRoute('/bad', 'NONE'))).to.have.property(
      'code',
      'ERR_INVALID_ARGUMENT',
    );
    expect([...front.errors, ...back.errors]).to.deep.equal([]);
  });

  it('WebSocket clients - speak with a worker of another node, in order', async () => {
    const { web } = await worker(back);
    const closed: string[] = [];
    web.websocket.on('WEBSOCKET_MESSAGE_RECEIVED', async (_, { clientID, message }) => {
      await web.websocket.sendTextMessageToClient(clientID, `${message.toString()}!`);
    });
    web.websocket.on(
      'WEBSOCKET_CONNECTION_CLOSED',
      (_, { clientID }) => void closed.push(clientID.split('/')[0] ?? ''),
    );
    await web.websocket.takeClients();
    const socket = new WebSocket(`ws://127.0.0.1:${front.web.websocket?.port}`);
    const got: string[] = [];
    socket.on('message', (data: Buffer) => void got.push(data.toString()));
    await once(socket, 'open');
    for (let number = 0; number < 200; number++) socket.send(`${number}`);
    await until(() => got.length === 200);
    expect(got).to.deep.equal(Array.from({ length: 200 }, (_, at) => `${at}!`));
    socket.close();
    await until(() => closed.length === 1);
    expect(closed).to.deep.equal(['eu-1']);
  });

  it('a node that comes later - has its requests go to workers that are there, and its end aborts what they have', async () => {
    const { web } = await worker(back);
    await answering({ web } as Worker, 'far', '/later');
    const aborted: string[] = [];
    web.http.on('HTTP_CONNECTION_ABORTED', (_, { clientID }) => void aborted.push(clientID.split('/')[0] ?? ''));
    await web.http.addRoute('/hang');
    const later = await node('eu-3', { http: { port: 0 } });
    const port = later.web.http?.port ?? 0;
    await until(async () => (await get(port, '/later').catch(() => undefined))?.text === 'far 0');
    const started = once(web.http as never, 'HTTP_REQUEST_STARTED');
    const hanging = fetch(`http://127.0.0.1:${port}/hang`).catch(() => undefined);
    await started;
    await later.server.close();
    await hanging;
    await until(() => aborted.length === 1);
    expect(aborted).to.deep.equal(['eu-3']);
  });

  it('a worker whose node is killed - is none any more; one that may not be a worker is none anywhere', async () => {
    const child = await galaxy.process('eu-4');
    await until(async () => (await get(httpPort(), '/eu-4').catch(() => undefined))?.status === 200);
    const asked = fetch(`http://127.0.0.1:${httpPort()}/eu-4?hang`).then(
      ({ status }) => status,
      () => 'cut',
    );
    child.kill('SIGKILL');
    expect(await asked).to.be.oneOf([502, 'cut']);
    await until(async () => (await get(httpPort(), '/eu-4')).status === 404);
    const strict = await node('eu-5', { http: { port: 0 }, workers: ({ id }) => id?.startsWith('eu-1/') === true });
    await until(
      () => back.world.nodes.some(({ id }) => id === 'eu-5') && front.world.nodes.some(({ id }) => id === 'eu-5'),
    );
    await answering(await worker(back), 'no');
    expect((await get(strict.web.http?.port ?? 0, '/who')).status).to.equal(404);
    expect(back.errors).to.deep.equal(['ERR_REFUSED']);
    await answering(await worker(front), 'yes');
    expect((await get(strict.web.http?.port ?? 0, '/who')).text).to.equal('yes 0');
  });
});
