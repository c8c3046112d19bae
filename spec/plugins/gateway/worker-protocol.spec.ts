import { expect } from 'chai';
import { after, afterEach, describe, it } from 'mocha';
import { Client, type Lane, Server } from '../../../lib/index.ts';
import { eventTypeIds, gateway, type RemoteWeb } from '../../../lib/plugins/gateway/index.ts';
import { until } from '../../support/buses.ts';
import { rejection } from '../../support/links.ts';
import { EventLog } from './event-log.ts';
import { GatewayKit } from './gateway-kit.ts';
import { WebSocketClient } from './websocket-client.ts';

describe('worker protocol', () => {
  const kit = new GatewayKit('websocket');
  const pages: WebSocketClient[] = [];
  const { HTTP_REQUEST_STARTED: started, HTTP_REQUEST_FINISHED: finished } = eventTypeIds;
  const details = { method: 'GET', url: '/', query: '', headers: {}, params: {}, remoteAddress: '', endpoint: '/' };

  /** A worker of a gateway that is a plugin of the same name, and says and answers what it is told to. */
  async function forged(answer: (request: unknown) => unknown = () => undefined) {
    const path = kit.path();
    const server = new Server({ path });
    kit.servers.push(server);
    const notes: unknown[] = [];
    let lane: Lane | undefined;
    server.use({
      name: 'gateway',
      install: (host) => {
        lane = host.lane({ request: answer, message: (note) => void notes.push(note) });
        return { api: undefined };
      },
    });
    await server.start();
    const client = new Client({ path });
    kit.clients.push(client);
    const errors: string[] = [];
    client.on('error', ({ code }) => void errors.push(code));
    const web: RemoteWeb = client.use(gateway());
    const log = new EventLog(web.http);
    await client.connect();
    const [peer] = [...server.connections];
    const tell = async (frame: unknown): Promise<void> => {
      if (peer !== undefined) await lane?.send(peer, frame);
    };
    return { web, log, errors, notes, tell };
  }

  after(() => kit.remove());

  afterEach(async () => {
    await kit.clear();
    for (const page of pages.splice(0)) page.ws.terminate();
  });

  it('what a worker says - is reported if it is malformed, and changes nothing', async () => {
    const { path, web } = await kit.front({ websocket: { port: 0 } });
    const errors: string[] = [];
    kit.servers.at(-1)?.on('error', ({ code }) => errors.push(code));
    await kit.worker(path, async ({ websocket }) => {
      websocket.on('WEBSOCKET_MESSAGE_RECEIVED', (_, { clientID, message }) =>
        websocket.sendTextMessageToClient(clientID, `a ${message}`),
      );
      await websocket.takeClients();
    });
    const { ask, say } = await kit.forger(path);
    expect(await rejection(ask(['addClients', { share: 'mine' }]))).to.have.property('code', 'ERR_PROTOCOL');
    expect(await rejection(ask(['websocket', 'constructor', []]))).to.have.property('code', 'ERR_NO_METHOD');
    expect(await rejection(ask(['websocket', 'publishText', [1, 2]]))).to.have.property('code', 'ERR_INVALID_ARGUMENT');
    expect(await rejection(ask('nonsense'))).to.have.property('code', 'ERR_PROTOCOL');
    for (const note of [['begun', 1_000_000], ['took', 7, 'x'], { not: 'a list' }, ['unheard-of']]) await say(note);
    const page = new WebSocketClient(`ws://127.0.0.1:${web.websocket?.port}/`);
    pages.push(page);
    await page.opened;
    page.ws.send('x');
    expect(await page.until(1)).to.deep.equal(['a x']);
    expect(errors).to.deep.equal(['ERR_PROTOCOL', 'ERR_PROTOCOL', 'ERR_PROTOCOL', 'ERR_PROTOCOL']);
  });

  it('what a gateway says - is reported if it is malformed, and the worker goes on', async () => {
    const { web, log, errors, tell } = await forged();
    const malformed = [
      'nonsense',
      [started],
      [started, 7, details, true],
      [started, 'id', { ...details, url: 7 }, true],
      [started, 'id', [], true],
      [finished, 'id', 'no bytes', null],
      [eventTypeIds.WEBSOCKET_CONNECTION_ESTABLISHED, 'id', {}, false],
    ];
    for (const frame of malformed) await tell(frame);
    await tell([started, 'good', details, true]);
    const { clientID } = await log.until('HTTP_REQUEST_FINISHED');
    expect([clientID, web.http.getRequestURL('good')]).to.deep.equal(['good', '/']);
    expect(log.names).to.deep.equal(['HTTP_REQUEST_STARTED', 'HTTP_REQUEST_FINISHED']);
    await until(() => errors.length === malformed.length);
    expect(new Set(errors)).to.deep.equal(new Set(['ERR_PROTOCOL']));
  });

  it('what a later gateway says - counts as begun, and no handler hears of it', async () => {
    const { log, errors, notes, tell } = await forged();
    await tell([4_000, 'id', Buffer.from('x'), null]);
    await tell([started, 'id', details, true]);
    await log.until('HTTP_REQUEST_FINISHED');
    await until(() => JSON.stringify(notes.at(-1)) === '["begun",2]');
    expect([log.names.length, errors]).to.deep.equal([2, []]);
  });

  it('events of one who is not there - are not heard', async () => {
    const { log, tell } = await forged();
    await tell([finished, 'nobody', Buffer.from('x'), null]);
    await tell([eventTypeIds.WEBSOCKET_CONNECTION_CLOSED, 'nobody', Buffer.alloc(0), 1000]);
    await tell([started, 'id', details, true]);
    await log.until('HTTP_REQUEST_FINISHED');
    expect(log.events.map(({ payload }) => payload.clientID)).to.deep.equal(['id', 'id']);
  });

  it('answers - that are not what was asked for reject ERR_PROTOCOL', async () => {
    let answer: unknown;
    const { web } = await forged(() => answer);
    for (const [given, ask] of [
      ['80', () => web.http.startListening()],
      [1, () => web.http.stopListening()],
      [{ GET: 'x' }, () => web.http.getRegisteredRoutes()],
      [['x', 7], () => web.websocket.getClientIds()],
      [null, () => web.websocket.sendTextMessageToClient('id', 'x')],
      [{}, () => web.websocket.setEchoMode(true)],
    ] as const) {
      answer = given;
      expect(await rejection(ask())).to.have.property('code', 'ERR_PROTOCOL');
    }
    answer = ['x'];
    expect(await web.websocket.getClientIds()).to.deep.equal(['x']);
  });

  it('verbs - travel with the arguments that were given', async () => {
    const asked: unknown[] = [];
    const { web } = await forged((request) => {
      asked.push(request);
      return true;
    });
    await web.websocket.closeClient('id');
    await web.websocket.closeClient('id', 1001, 'why');
    expect(asked).to.deep.equal([
      ['websocket', 'closeClient', ['id']],
      ['websocket', 'closeClient', ['id', 1001, 'why']],
    ]);
  });
});
