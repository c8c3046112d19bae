import { expect } from 'chai';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { command } from '../../support/command.ts';
import type { BareDriver } from './bare-driver.ts';
import { freePort } from './device-client.ts';
import { type RunningService, startService } from './running-service.ts';

const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).error === undefined;

/** Devices as they are sold: programs that know nothing of busbar. */
describe('dispatch with programs as devices', () => {
  let running: RunningService;
  let port: number;
  let child: ChildProcess | undefined;

  beforeEach(async () => {
    running = await startService();
    port = await freePort();
  });

  afterEach(async () => {
    if (child !== undefined && child.exitCode === null) {
      child.kill();
      await once(child, 'close');
    }
    child = undefined;
    await running.service.close();
    expect(running.service.statistics()).to.deep.equal({ udp_listeners: {}, tcp_listeners: {}, tcp_clients: {} });
  });

  const open = async (protocol: 'tcp' | 'udp' | 'tls'): Promise<BareDriver> => {
    const driver = await running.driver(protocol, { port, accept: '127.0.0.1' });
    await running.logged('port_opened');
    return driver;
  };

  it('snmptrap - its traps arrive as datagrams', async function () {
    if (!has('snmptrap', '-V')) this.skip();
    const driver = await open('udp');
    for (let count = 0; count < 3; count++) {
      const trap = [
        '-v',
        '2c',
        '-c',
        'public',
        `127.0.0.1:${port}`,
        '4711',
        '1.3.6.1.6.3.1.1.5.3',
        '1.3.6.1.2.1.2.2.1.1.1',
        'i',
        String(count),
      ];
      expect(await command('snmptrap', trap)).to.include({ code: 0 });
      const { type, address, data } = await driver.next();
      expect([type, address]).to.deep.equal([2, '127.0.0.1']);
      // A BER sequence of version 1 (which is 2c), the community, and a trap PDU.
      expect(data.subarray(2, 13).toString('hex')).to.equal(`0201010406${Buffer.from('public').toString('hex')}`);
      expect(data[13]).to.equal(0xa7);
      expect(data.at(-1)).to.equal(count);
    }
    await driver.leave();
  });

  const talk = async (driver: BareDriver, program: string, args: readonly string[]): Promise<void> => {
    child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin?.write('testing\n');
    const opened = await driver.next();
    expect(opened).to.include({ type: 0, address: '127.0.0.1', id: 0 });
    expect((await driver.collect(8)).toString()).to.equal('testing\n');
    const answer = once(child.stdout!, 'data');
    driver.write(opened.address, opened.id, 'reply\n');
    expect(String((await answer)[0])).to.equal('reply\n');
    driver.closeDevice(opened.address, opened.id);
    expect(await driver.next()).to.include({ type: 1, id: 0 });
    child.stdin?.end();
    await once(child, 'close');
    await driver.leave();
  };

  it('nc - talks over TCP', async function () {
    if (!has('nc', '-h')) this.skip();
    await talk(await open('tcp'), 'nc', ['127.0.0.1', String(port)]);
  });

  it('openssl s_client - talks over TLS', async function () {
    if (!has('openssl', 'version')) this.skip();
    await talk(await open('tls'), 'openssl', ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`]);
  });

  it('nc - sends datagrams', async function () {
    if (!has('nc', '-h')) this.skip();
    const driver = await open('udp');
    child = spawn('nc', ['-u', '127.0.0.1', String(port)], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin?.write('datagram');
    const { address, id, data } = await driver.next();
    expect(data.toString()).to.equal('datagram');
    const answer = once(child.stdout!, 'data');
    driver.write(address, id, 'answer');
    expect(String((await answer)[0])).to.equal('answer');
    await driver.leave();
  });

  it('curl - a request is bytes to a driver, and the answer is its own', async function () {
    if (!has('curl', '--version')) this.skip();
    const driver = await open('tcp');
    const answer = command('curl', ['-sS', '--http1.0', `http://127.0.0.1:${port}/path`]);
    const { address, id } = await driver.next();
    expect((await driver.next()).data.toString()).to.match(/^GET \/path HTTP\/1.0\r\n/);
    driver.write(address, id, 'HTTP/1.0 200 OK\r\n\r\nfrom a driver');
    driver.closeDevice(address, id);
    expect((await answer).stdout).to.equal('from a driver');
    await driver.leave();
  });
});
