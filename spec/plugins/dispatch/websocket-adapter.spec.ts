import { expect } from 'chai';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { BusError } from '../../../lib/base/errors.ts';
import { systemClock } from '../../../lib/base/system-clock.ts';
import { systemRandom } from '../../../lib/base/random.ts';
import type { DispatchOptions } from '../../../lib/plugins/dispatch/index.ts';
import { DispatchService } from '../../../lib/plugins/dispatch/service.ts';

import { WebSocket } from 'ws';
import { BareDriver } from './bare-driver.ts';
import { DeviceClient, freePort } from './device-client.ts';
import { type RunningService, startService } from './running-service.ts';

const right = { Authorization: 'Bearer a test secret' };

interface Answer {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Sends a request as bytes and reads until the connection ends. */
async function raw(port: number, request: string): Promise<Answer> {
  const socket = connect(port, '127.0.0.1');
  socket.write(request);
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  await once(socket, 'close');
  const [head = '', ...body] = text.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), headers: head, body: body.join('\r\n\r\n') };
}

function upgrade(path: string, headers: Readonly<Record<string, string>> = {}, protocol = 'websocket'): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${key}${lines.join('')}\r\n`;
}

describe('dispatch over HTTP', () => {
  let running: RunningService;
  let port: number;

  beforeEach(async () => {
    running = await startService();
    port = running.service.webPort ?? 0;
  });

  afterEach(async () => {
    await running.service.close();
    expect(running.service.statistics()).to.deep.equal({ udp_listeners: {}, tcp_listeners: {}, tcp_clients: {} });
  });

  const get = (path: string, headers: Record<string, string> = { ...right }): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close', ...headers } });

  for (const base of ['/api/server', '/api/dispatch/v1']) {
    it(`${base} - healthz and version are open to all`, async () => {
      const health = await get(`${base}/healthz`, {});
      expect([health.status, await health.text()]).to.deep.equal([200, 'ok\n']);
      const about = await get(`${base}/version`, {});
      const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
      expect(await about.json()).to.deep.equal({ service: 'busbar-dispatch', version });
    });

    it(`${base} - statistics and metrics need the token`, async () => {
      for (const page of ['', '/', '/metrics']) {
        const refused = await get(base + page, {});
        expect(refused.status).to.equal(401);
        expect(await refused.json()).to.deep.equal({ error: 'a valid token is required' });
      }
      const statistics = await get(base);
      expect(statistics.headers.get('content-type')).to.equal('application/json');
      expect(await statistics.json()).to.deep.equal({ udp_listeners: {}, tcp_listeners: {}, tcp_clients: {} });
      const metrics = await get(`${base}/metrics`);
      expect(await metrics.text()).to.match(/^busbar_dispatch_tcp_clients 0$/m);
    });
  }

  it('every response - carries an id of its own', async () => {
    const ids = new Set<string | null>();
    for (const path of ['/api/server', '/api/server/healthz', '/nothing', '/api/server/tcp_dispatch']) {
      ids.add((await get(path)).headers.get('x-request-id'));
    }
    const socket = connect(port, '127.0.0.1');
    socket.write(upgrade(`/api/server/udp_dispatch?port=${await freePort()}&accept=::1`, right));
    const accepted = await new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())));
    expect(accepted).to.match(/^HTTP\/1.1 101 /);
    ids.add(/^x-request-id: (.*)$/im.exec(accepted)?.[1] ?? null);
    socket.destroy();
    await running.logged('driver_closed');
    expect(ids.size).to.equal(5);
    expect([...ids].every((id) => id !== null && /^[0-9a-f-]{36}$/.test(id))).to.equal(true);
  });

  const tokens: readonly [string, string, Record<string, string>, number][] = [
    ['in the query', '?bearer_token=a%20test%20secret', {}, 200],
    ['in the query with spaces around it', '?bearer_token=%20a+test+secret%20', {}, 200],
    ['in a header', '', { Authorization: 'Bearer a test secret' }, 200],
    ['in a header without its scheme', '', { Authorization: 'a test secret' }, 200],
    ['a wrong one', '?bearer_token=a%20test%20secre', {}, 401],
    ['an empty one', '?bearer_token=', {}, 401],
    [
      'a wrong header, which wins over a right query',
      '?bearer_token=a%20test%20secret',
      { Authorization: 'Bearer x' },
      401,
    ],
  ];
  for (const [name, query, headers, status] of tokens) {
    it(`the token - ${name}: ${status}`, async () => {
      expect((await get(`/api/server${query}`, headers)).status).to.equal(status);
    });
  }

  const refusals: readonly [string, string, number, object][] = [
    ['no token', 'port=6001&accept=127.0.0.1', 401, {}],
    ['no port', 'accept=127.0.0.1', 422, { parameter: 'port', restriction: 'a whole number from 1 to 65535' }],
    ['no accept', 'port=6001', 422, { parameter: 'accept' }],
    ['port 0', 'port=0&accept=127.0.0.1', 400, { parameter: 'port' }],
    ['a port over the range', 'port=65536&accept=127.0.0.1', 400, { parameter: 'port' }],
    ['a port that is no number', 'port=80a&accept=127.0.0.1', 400, { parameter: 'port' }],
    ['a negative port', 'port=-1&accept=127.0.0.1', 400, { parameter: 'port' }],
    ['an empty accept', 'port=6001&accept=', 400, { parameter: 'accept' }],
    ['an address that is none', 'port=6001&accept=127.0.0.1,example.com', 400, { parameter: 'accept' }],
    ['two ports', 'port=6001&port=6002&accept=127.0.0.1', 400, { parameter: 'port' }],
  ];
  for (const [name, query, status, members] of refusals) {
    it(`before the upgrade - ${name}: ${status}`, async () => {
      const answered = await raw(port, upgrade(`/api/server/tcp_dispatch?${query}`, status === 401 ? {} : right));
      expect(answered.status).to.equal(status);
      expect(JSON.parse(answered.body)).to.deep.include(members);
      expect(answered.headers).to.match(/^x-request-id: /im);
    });
  }

  it('before the upgrade - a missing token is told before a missing upgrade, and that before bad parameters', async () => {
    expect((await get('/api/server/tcp_dispatch', {})).status).to.equal(401);
    const plain = await get('/api/server/udp_dispatch');
    expect(plain.status).to.equal(426);
    expect(plain.headers.get('upgrade')).to.equal('websocket');
    expect(await plain.text()).to.equal('This service requires use of the WebSocket protocol\n');
    expect((await raw(port, upgrade('/api/server/tcp_dispatch', right, 'h2c'))).status).to.equal(426);
  });

  it('an upgrade to a page - is answered with the page', async () => {
    const answered = await raw(port, upgrade('/api/server/healthz', {}, 'h2c'));
    expect([answered.status, answered.body]).to.deep.equal([200, 'ok\n']);
  });

  it('other paths and methods - are 404 and 405 for those with the token', async () => {
    expect((await get('/api/server/other')).status).to.equal(404);
    expect((await get('/api/server/other', {})).status).to.equal(401);
    const posted = await fetch(`http://127.0.0.1:${port}/api/server`, {
      method: 'POST',
      headers: { ...right, connection: 'close' },
    });
    expect(posted.status).to.equal(405);
    expect(posted.headers.get('allow')).to.equal('GET, HEAD');
  });

  it('drivers - one over the limit gets 503', async () => {
    await running.service.close();
    running = await startService({ maxDrivers: 1 });
    port = running.service.webPort ?? 0;
    const first = await running.driver('tcp', { port: await freePort(), accept: '127.0.0.1' });
    const answered = await raw(port, upgrade('/api/server/tcp_dispatch?port=6001&accept=127.0.0.1', right));
    expect(answered.status).to.equal(503);
    await first.leave();
  });

  it('a driver - is logged with the module it names', async () => {
    const url = `${running.base.replace('http', 'ws')}/udp_dispatch?port=${await freePort()}&accept=::1`;
    const driver = await BareDriver.open(url, { ...right, 'X-Module-ID': `mod-${'x'.repeat(200)}` });
    const opened = await running.logged('driver_opened');
    expect(opened).to.include({ protocol: 'udp', remote: '127.0.0.1', module: `mod-${'x'.repeat(124)}` });
    await driver.leave();
  });

  it('allow - says who may have which port', async () => {
    await running.service.close();
    const asked: unknown[] = [];
    running = await startService({
      allow: async (peer, wish) => {
        asked.push({ peer, ...wish });
        if (wish.port === 2) throw new Error('not that one');
        return false;
      },
    });
    port = running.service.webPort ?? 0;
    const first = await raw(port, upgrade('/api/server/udp_dispatch?port=1&accept=127.0.0.1,::1', right));
    expect([first.status, JSON.parse(first.body)]).to.deep.equal([403, { error: 'this port is not allowed' }]);
    const second = await raw(port, upgrade('/api/server/udp_dispatch?port=2&accept=10.0.0.0/8', right));
    expect([second.status, JSON.parse(second.body)]).to.deep.equal([403, { error: 'not that one' }]);
    expect(asked).to.deep.equal([
      { peer: undefined, protocol: 'udp', port: 1, accept: ['127.0.0.1', '::1'] },
      { peer: undefined, protocol: 'udp', port: 2, accept: ['10.0.0.0/8'] },
    ]);
  });

  it('1,000 half-open upgrades - are cut off, and keep nobody else from working', async () => {
    await running.service.close();
    running = await startService({ handshakeTimeoutMs: 1_000 });
    port = running.service.webPort ?? 0;
    const sockets: Socket[] = [];
    for (let count = 0; count < 1_000; count++) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      socket.write('GET /api/server/tcp_dispatch?port=6001 HTTP/1.1\r\nUpgrade: websocket\r\n');
      sockets.push(socket.resume());
    }
    const ends = sockets.map((socket) => once(socket, 'close'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const devicePort = await freePort();
    const driver = await running.driver('tcp', { port: devicePort, accept: '127.0.0.1' });
    await running.logged('port_opened');
    const device = await DeviceClient.connect(devicePort);
    device.send('works');
    await driver.next();
    expect((await driver.next()).data.toString()).to.equal('works');
    await driver.leave();
    await Promise.all(ends);
  });

  it('the log - never holds a token or a key', async () => {
    await raw(port, upgrade('/api/server/tls_dispatch?bearer_token=wrong-token&port=1&accept=x&private_key=my-key'));
    await raw(port, upgrade('/api/server/tls_dispatch?port=1&accept=::1&private_key=my-key', right));
    await raw(port, upgrade('/api/server/tls_dispatch?bearer_token=a%20test%20secret&port=1&accept=x'));
    const text = JSON.stringify(running.events);
    expect(running.events.map(({ event, status }) => [event, status])).to.deep.include.members([
      ['request_refused', 401],
      ['request_refused', 400],
    ]);
    for (const secret of ['wrong-token', 'my-key', 'a test secret', 'a%20test']) expect(text).not.to.include(secret);
  });

  it('upgrade - the port listens before the 101 leaves', async () => {
    for (let turn = 0; turn < 50; turn++) {
      const number = await freePort();
      const url = `ws://127.0.0.1:${port}/api/server/tcp_dispatch?port=${number}&accept=127.0.0.1`;
      const socket = new WebSocket(url, { headers: right });
      await once(socket, 'upgrade');
      (await DeviceClient.connect(number)).socket.destroy();
      socket.terminate();
      await once(socket, 'close');
    }
    expect(running.events.filter(({ event }) => event === 'port_opened')).to.have.lengthOf(50);
  });

  const faults: Readonly<Record<string, [from: string | RegExp, to: string, status: number]>> = {
    'another version': ['Version: 13', 'Version: 8', 426],
    'no version': ['Sec-WebSocket-Version: 13\r\n', '', 400],
    'no key': [/Sec-WebSocket-Key: .*\r\n/, '', 400],
    'a key that is none': [/Sec-WebSocket-Key: .*\r\n/, 'Sec-WebSocket-Key: x\r\n', 400],
    'HTTP/1.0': ['HTTP/1.1', 'HTTP/1.0', 400],
    'two hosts': ['Host: localhost\r\n', 'Host: localhost\r\nHost: localhost\r\n', 400],
    'a page of another origin': ['Host: localhost\r\n', 'Host: localhost\r\nOrigin: https://evil.example\r\n', 403],
    'a page of this origin': ['Host: localhost\r\n', 'Host: localhost\r\nOrigin: http://localhost\r\n', 403],
    'a page without a name': ['Host: localhost\r\n', 'Host: localhost\r\nOrigin: null\r\n', 403],
  };
  for (const [name, [from, to, status]] of Object.entries(faults)) {
    it(`upgrade - ${name}: ${status}, and no port is opened`, async () => {
      const path = `/api/server/tcp_dispatch?port=${await freePort()}&accept=127.0.0.1`;
      const answer = await raw(port, upgrade(path, right).replace(from, to));
      expect(answer.status).to.equal(status);
      expect(running.events.map(({ event }) => event)).to.not.include('port_opened');
    });
  }

  it('upgrade - a page of a listed origin gets in', async () => {
    await running.service.close();
    running = await startService({ origins: ['https://app.example'] });
    const url = `${running.base.replace('http', 'ws')}/tcp_dispatch?port=${await freePort()}&accept=127.0.0.1`;
    const driver = await BareDriver.open(url, { ...right, Origin: 'https://app.example' });
    const told = running.events.map(({ event }) => event);
    expect(told).to.include('port_opened').and.not.include('request_refused');
    await driver.leave();
  });

  it('a token that everybody knows - works for who asks by address or localhost, and is told of once', async () => {
    await running.service.close();
    running = await startService({ secret: undefined });
    const at = running.service.webPort ?? 0;
    const ask = async (host: string): Promise<number> =>
      (
        await raw(
          at,
          `GET /api/server HTTP/1.1\r\nHost: ${host}\r\nAuthorization: testing\r\nConnection: close\r\n\r\n`,
        )
      ).status;
    expect(await ask(`127.0.0.1:${at}`)).to.equal(200);
    expect(await ask(`localhost:${at}`)).to.equal(200);
    expect(await ask(`rebound.example:${at}`)).to.equal(401);
    await running.service.close();
    await running.service.start();
    expect(running.events.filter(({ event }) => event === 'default_secret')).to.have.length(1);
  });

  for (const host of ['0.0.0.0', '::', 'rebound.example']) {
    it(`no secret, listening on ${host} - does not start`, async () => {
      const surroundings = { clock: systemClock, random: systemRandom, environment: {}, tls: undefined };
      const service = new DispatchService({ port: 0, host }, surroundings);
      expect(await service.start().catch((error: unknown) => error)).to.have.property('code', 'ERR_INVALID_OPTION');
      await service.close();
    });
  }
});

describe('dispatch options', () => {
  const make = (options: DispatchOptions, environment: NodeJS.ProcessEnv = {}): DispatchService =>
    new DispatchService(options, { clock: systemClock, random: systemRandom, environment, tls: undefined });

  it('the secret - has no default in production', () => {
    expect(() => make({ port: 0 }, { SG_ENV: 'production' })).to.throw(BusError, 'no default secret in production');
    expect(() => make({ port: 0 }, { SG_ENV: 'production', PLACE_SERVER_SECRET: ' ' })).to.throw('no default secret');
    make({ port: 0 }, { SG_ENV: 'production', PLACE_SERVER_SECRET: 'x' });
    make({ port: 0, secret: 'x' }, { SG_ENV: 'production' });
    make({}, { SG_ENV: 'production' });
    make({ port: 0 });
  });

  it('bad ones - are refused by name', () => {
    const bad: readonly [DispatchOptions, string][] = [
      [{ port: 65_536 }, '"port"'],
      [{ proxies: 'example.com' }, '"proxies"'],
      [{ maxDrivers: 0 }, '"maxDrivers"'],
      [{ tls: { key: 'a', cert: 'b' } }, 'tls'],
      [JSON.parse('{"sekret":"x"}'), 'did you mean "secret"?'],
    ];
    for (const [options, name] of bad) {
      expect(() => make(options))
        .to.throw(BusError, name)
        .with.property('code', 'ERR_INVALID_OPTION');
    }
  });

  it('a port in use - fails the start with the reason', async () => {
    const first = make({ port: 0 });
    await first.start();
    const second = make({ port: first.webPort });
    const error: unknown = await second.start().catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(BusError).with.property('code', 'ERR_ADDRESS_IN_USE');
    await first.close();
  });
});
