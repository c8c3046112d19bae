import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'mocha';
import { Client } from '../../lib/index.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';
import { command, type Outcome } from '../support/command.ts';
import { BareDriver } from '../plugins/dispatch/bare-driver.ts';
import { DeviceClient, freePort } from '../plugins/dispatch/device-client.ts';
import { cli, DispatchProcess } from './dispatch-process.ts';

const hasCurl = spawnSync('curl', ['--version']).status === 0;
const busbar = (...args: string[]): Promise<Outcome> =>
  command(process.execPath, [cli, ...args], { env: { PATH: process.env['PATH'] } });

describe('busbar dispatch', () => {
  let running: DispatchProcess | undefined;

  afterEach(async () => {
    await running?.stop();
    running = undefined;
  });

  it('the example - works with curl and a bare WebSocket client, and leaves the maps empty', async function () {
    if (!hasCurl) this.skip();
    running = await DispatchProcess.start();
    const base = `http://127.0.0.1:${running.port}/api/server`;
    const statistics = async (): Promise<unknown> => {
      const { stdout } = await command('curl', ['-sS', `${base}?bearer_token=testing`]);
      return JSON.parse(stdout);
    };
    const empty = { udp_listeners: {}, tcp_listeners: {}, tcp_clients: {} };
    expect(await statistics()).to.deep.equal(empty);
    const port = await freePort();
    const driver = await BareDriver.open(
      `${base.replace('http', 'ws')}/tcp_dispatch?bearer_token=testing&port=${port}&accept=127.0.0.1`,
    );
    await running.logged('port_opened');
    const device = await DeviceClient.connect(port);
    device.send('testing');
    expect(await driver.next()).to.include({ type: 0, address: '127.0.0.1', id: 0 });
    expect((await driver.next()).data.toString()).to.equal('testing');
    driver.write('127.0.0.1', 0, 'reply');
    expect(await device.hears('reply')).to.equal('reply');
    expect(await statistics()).to.deep.equal({ ...empty, tcp_listeners: { [port]: 1 }, tcp_clients: { [port]: 1 } });
    await device.end();
    expect((await driver.next()).type).to.equal(1);
    await driver.leave();
    await running.logged('port_closed');
    expect(await statistics()).to.deep.equal(empty);
    const { stdout } = await command('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', base]);
    expect(stdout).to.equal('401');
    expect(JSON.stringify(running.lines)).not.to.include('bearer_token=testing');
  });

  it('a signal - closes WebSockets with 1001 and ends with 0', async () => {
    running = await DispatchProcess.start([], { PLACE_SERVER_SECRET: 'abc', SG_ENV: 'production' });
    const port = await freePort();
    const driver = await BareDriver.open(
      `ws://127.0.0.1:${running.port}/api/server/tcp_dispatch?port=${port}&accept=::1`,
      {
        Authorization: 'Bearer abc',
      },
    );
    await running.logged('port_opened');
    const code = running.stop();
    expect(await driver.closed).to.deep.equal({ code: 1001, reason: 'The dispatcher is closing' });
    expect(await code).to.equal(0);
    expect(running.lines.map(({ event }) => event)).to.deep.equal([
      'listening',
      'port_opened',
      'driver_opened',
      'signal',
      'port_closed',
      'driver_closed',
      'closed',
    ]);
  });

  it('datagrams that the system dropped - are counted too, so that none is lost in silence', async function () {
    if (process.platform !== 'linux' || !hasCurl) this.skip();
    running = await DispatchProcess.start();
    const port = await freePort();
    const base = `127.0.0.1:${running.port}/api/server`;
    const driver = await BareDriver.open(
      `ws://${base}/udp_dispatch?bearer_token=testing&port=${port}&accept=127.0.0.1`,
    );
    await running.logged('port_opened');
    running.freeze(true);
    const device = createSocket('udp4');
    const total = 12_000;
    for (let sent = 0; sent < total; sent++) {
      await new Promise<void>((resolve, reject) => {
        device.send(Buffer.alloc(1_000), port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
      });
    }
    device.close();
    running.freeze(false);
    const count = async (name: string): Promise<number> => {
      const { stdout } = await command('curl', ['-sS', `http://${base}/metrics?bearer_token=testing`]);
      return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stdout)?.[1]);
    };
    const dropped = await count('busbar_dispatch_udp_receive_buffer_drops');
    expect(dropped).to.be.greaterThan(0);
    for (let heard = 0; heard < total - dropped; heard++) expect((await driver.next()).data).to.have.length(1_000);
    expect(await count('busbar_dispatch_datagrams_received_total')).to.equal(total - dropped);
    expect(driver.unread).to.equal(0);
    await driver.leave();
  });

  it('the health probe - ends with 0, 1 or 2', async () => {
    running = await DispatchProcess.start();
    const base = `http://127.0.0.1:${running.port}/api/server`;
    expect(await busbar('dispatch', '-c', `${base}/healthz`)).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    expect(await busbar('dispatch', '-c', base)).to.include({ code: 0 });
    const failing = createServer((_request, response) => response.writeHead(503).end()).listen(0, '127.0.0.1');
    await once(failing, 'listening');
    const address = failing.address();
    const port = typeof address === 'object' ? address?.port : 0;
    expect(await busbar('dispatch', '-c', `http://127.0.0.1:${port}/`)).to.include({ code: 1 });
    failing.close();
    await once(failing, 'close');
    const silent = await busbar('dispatch', '-c', `http://127.0.0.1:${port}/`);
    expect(silent).to.include({ code: 2 });
    expect(silent.stderr).to.include('did not answer');
  });

  it('drivers on the bus - use the same ports', async function () {
    if (process.platform === 'win32') this.skip();
    const folder = mkdtempSync(join(tmpdir(), 'bb-'));
    running = await DispatchProcess.start(['--bus', `unix:${folder}/s`]);
    await running.logged('bus_listening');
    const client = new Client({ path: `${folder}/s` });
    const ports = client.use(dispatch());
    await client.connect();
    const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
    const device = await DeviceClient.connect(port.port);
    device.send('testing');
    for await (const event of port) {
      if (event.type === 'received') await port.write(event.device, 'reply');
      if (event.type === 'received') break;
    }
    expect(await device.hears('reply')).to.equal('reply');
    await port.release();
    await client.close();
    expect(await running.stop()).to.equal(0);
    rmSync(folder, { recursive: true });
  });

  it('drivers on a bus that others can reach - show the secret, or are refused', async () => {
    const port = await freePort();
    const secret = 'correct horse battery staple';
    running = await DispatchProcess.start(['--bus', `tcp:127.0.0.1:${port}`], {
      SG_ENV: 'production',
      PLACE_SERVER_SECRET: secret,
    });
    await running.logged('bus_listening');
    for (const payload of [
      undefined,
      null,
      secret,
      'testing',
      {},
      { token: '' },
      { token: `${secret}r` },
      { token: 1 },
    ]) {
      const stranger = new Client({ port, retries: 0 });
      const error = await stranger.connect(payload).catch((thrown: unknown) => thrown);
      expect(error, JSON.stringify(payload)).to.have.property('code', 'ERR_UNAUTHORIZED');
      stranger.destroy();
    }
    const client = new Client({ port, retries: 0 });
    const ports = client.use(dispatch());
    await client.connect({ token: secret });
    await (await ports.tcp({ port: 0, accept: '127.0.0.1' })).release();
    await client.close();
    expect(await running.stop()).to.equal(0);
  });

  const refused: readonly [string, string[], NodeJS.ProcessEnv, string][] = [
    ['workers', ['-w', '4'], {}, '-w is not supported: ports, ids and statistics belong to one process'],
    [
      'no secret in production',
      [],
      { SG_ENV: 'production' },
      'no default secret in production: set PLACE_SERVER_SECRET',
    ],
    ['a port that is none', ['--port', 'http'], {}, '"http" is not a port'],
    ['no secret where others can come in', ['--host', '0.0.0.0'], {}, 'no default secret on 0.0.0.0'],
    [
      'an address that cannot be bound',
      ['--host', '192.0.2.1'],
      { PLACE_SERVER_SECRET: 'abc' },
      'cannot listen on 192.0.2.1',
    ],
    ['an unknown option', ['--sekret', 'x'], {}, "unknown option '--sekret'"],
    ['half a certificate', ['--tls-key', 'k.pem'], {}, '--tls-key and --tls-cert go together'],
    ['a file that is not there', ['--tls-key', 'k.pem', '--tls-cert', 'c.pem'], {}, 'cannot be read'],
    ['a bus address that is none', ['--bus', 'nonsense'], {}, 'Option url needs a port or a scheme: nonsense'],
    ['no secret on a bus where others can come in', ['--bus', 'tcp:0.0.0.0:0'], {}, 'no default secret on 0.0.0.0'],
    ['proxies that are none', ['--proxies', 'here'], {}, '"proxies"'],
  ];
  for (const [name, args, environment, reason] of refused) {
    it(`${name} - ends with 1, saying so`, async () => {
      const outcome = await command(process.execPath, [cli, 'dispatch', '--port', '0', ...args], {
        env: { PATH: process.env['PATH'], ...environment },
      });
      expect(outcome).to.include({ code: 1, stdout: '' });
      expect(outcome.stderr)
        .to.match(/^busbar dispatch: /)
        .and.to.include(reason);
    });
  }

  it('help, version and routes - are told', async () => {
    const { stdout: help } = await busbar('dispatch', '--help');
    expect(help).to.include('usage: busbar dispatch');
    const variables = ['PLACE_SERVER_SECRET', 'SERVER_SECRET', 'SG_ENV', 'SG_SERVER_HOST', 'SG_SERVER_PORT'];
    for (const name of variables) expect(help).to.match(new RegExp(`^ +${name} `, 'm'));
    expect((await busbar('dispatch', '--routes')).stdout).to.include('/api/server/tcp_dispatch');
    expect((await busbar('dispatch', '-v')).stdout).to.match(/^\d+\.\d+\.\d+\n$/);
    expect((await busbar('--help')).stdout).to.include('usage: busbar COMMAND [options]');
    expect((await busbar('--version')).stdout).to.match(/^\d+\.\d+\.\d+\n$/);
    const unknown = await busbar('constructor');
    expect(unknown).to.include({ code: 2 });
    expect(unknown.stderr).to.include("unknown command 'constructor'");
    expect(await busbar()).to.include({ code: 2 });
  });
});
