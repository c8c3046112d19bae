import { expect } from 'chai';
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, it } from 'mocha';
import { certificate } from '../../support/certificate.ts';
import { selfSign } from '../../../lib/plugins/dispatch/self-signed.ts';
import type { DispatchOptions } from '../../../lib/plugins/dispatch/index.ts';
import { DeviceClient, freePort } from './device-client.ts';
import { type RunningService, startService } from './running-service.ts';
import { BareDriver } from './bare-driver.ts';

describe('dispatch ports', () => {
  let running: RunningService;
  let port: number;

  const start = async (options: DispatchOptions = {}): Promise<void> => {
    running = await startService(options);
    port = await freePort();
  };

  afterEach(async () => {
    await running.service.close();
    expect(running.service.statistics()).to.deep.equal({ udp_listeners: {}, tcp_listeners: {}, tcp_clients: {} });
  });

  const open = async (protocol: 'tcp' | 'tls', query: Record<string, string> = {}): Promise<BareDriver> => {
    const driver = await running.driver(protocol, { port, accept: '127.0.0.1', ...query });
    await running.logged('port_opened');
    return driver;
  };

  const dial = async (): Promise<TLSSocket> => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return socket;
  };

  describe('tls', () => {
    it('a device - is announced after its handshake, and heard in plain', async () => {
      await start();
      const driver = await open('tls');
      const socket = await dial();
      expect(socket.getPeerCertificate().subject.CN).to.equal('busbar-dispatch');
      const device = new DeviceClient(socket);
      const opened = await driver.next();
      expect(opened).to.include({ type: 0, address: '127.0.0.1', id: 0 });
      for (const word of ['one', 'two', 'three']) {
        device.send(word);
        expect((await driver.next()).data.toString()).to.equal(word);
        driver.write(opened.address, opened.id, word);
        expect(await device.hears(word)).to.equal(word);
      }
      expect(running.service.statistics()).to.deep.include({
        tcp_listeners: { [port]: 1 },
        tcp_clients: { [port]: 1 },
      });
      await device.end();
      expect(await driver.next()).to.include({ type: 1, id: 0 });
      await driver.leave();
    });

    it('what is no handshake - is refused without an id, as is one that never ends', async () => {
      await start({ handshakeTimeoutMs: 700 });
      const driver = await open('tls');
      const plain = await DeviceClient.connect(port);
      plain.send('GET / HTTP/1.1\r\n\r\n');
      await plain.closed;
      const silent = await DeviceClient.connect(port);
      await silent.closed;
      const device = new DeviceClient(await dial());
      expect(await driver.next()).to.include({ type: 0, id: 0 });
      expect(await running.service.metrics()).to.include('busbar_dispatch_devices_refused_total{reason="tls"} 2\n');
      await device.end();
      await driver.leave();
    });

    it('the configured certificate - is shown to devices', async () => {
      await start({ tls: certificate });
      const driver = await open('tls');
      const socket = await dial();
      expect(socket.getPeerX509Certificate()?.toString()).to.equal(certificate.cert.toString());
      await new DeviceClient(socket).end();
      await driver.leave();
    });

    it('a key of the driver - is used, with its certificate or one made for it', async () => {
      await start();
      const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
      const private_key = key.export({ type: 'pkcs8', format: 'pem' }).toString();
      for (const query of [{ private_key }, { private_key, certificate: selfSign(key, 'mine', new Date()) }]) {
        const driver = await open('tls', query);
        const socket = await dial();
        expect(socket.getPeerX509Certificate()?.checkPrivateKey(key)).to.equal(true);
        await new DeviceClient(socket).end();
        await driver.leave();
        port = await freePort();
        running.events.length = 0;
      }
    });

    const pem = certificate.cert.toString();
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
    const bad: readonly [string, Record<string, string>][] = [
      ['a certificate without a key', { certificate: pem }],
      ['a key that is none', { private_key: 'abc' }],
      ['a key of another certificate', { private_key: other, certificate: pem }],
    ];
    for (const [name, query] of bad) {
      it(`${name} - is refused with 400`, async () => {
        await start();
        const error: unknown = await open('tls', query).catch((reason: unknown) => reason);
        expect(String(error)).to.include('400');
      });
    }

    it('a port that is open for TCP - is not shared with TLS', async () => {
      await start();
      const driver = await open('tcp');
      const second = await running.driver('tls', { port, accept: '127.0.0.1' });
      const { code, reason } = await second.closed;
      expect(code).to.equal(1008);
      expect(reason).to.equal(`Port ${port} is open for tcp, not for tls`);
      await driver.leave();
    });
  });

  describe('behind a load balancer', () => {
    it("a PROXY header - names the device, and what follows is the device's", async () => {
      await start({ proxies: '127.0.0.50' });
      const driver = await open('tcp', { accept: '10.1.1.1' });
      const header = 'PROXY TCP4 10.1.1.1 10.1.1.9 4711 9\r\n';
      const balancer = await DeviceClient.connect(port, '127.0.0.1', '127.0.0.50');
      balancer.send(`${header}first words`);
      expect(await driver.next()).to.include({ type: 0, address: '10.1.1.1', id: 0 });
      expect((await driver.next()).data.toString()).to.equal('first words');
      expect(await running.logged('device_opened')).to.include({ address: '10.1.1.1', remotePort: 4711 });
      driver.write('10.1.1.1', 0, 'an answer');
      expect(await balancer.hears('an answer')).to.equal('an answer');
      const bytewise = await DeviceClient.connect(port, '127.0.0.1', '127.0.0.50');
      for (const byte of Buffer.from(`${header}later`)) {
        bytewise.send(Buffer.from([byte]));
        await new Promise(setImmediate);
      }
      expect(await driver.next()).to.include({ type: 0, id: 1 });
      expect((await driver.collect(5)).toString()).to.equal('later');
      await Promise.all([balancer.end(), bytewise.end()]);
      await driver.leave();
    });

    it('a bad, missing or endless header, and a device nobody wants - is refused without an id', async () => {
      await start({ proxies: ['127.0.0.50'], handshakeTimeoutMs: 300 });
      const driver = await open('tcp', { accept: '10.1.1.1,127.0.0.2' });
      for (const head of ['GET / HTTP/1.1\r\n', 'PROXY TCP4 10.1.1.1', '', 'PROXY TCP4 10.1.1.2 10.1.1.9 1 1\r\n']) {
        const balancer = await DeviceClient.connect(port, '127.0.0.1', '127.0.0.50');
        balancer.send(head);
        await balancer.closed;
        expect(balancer.received).to.equal('');
      }
      const forger = await DeviceClient.connect(port, '127.0.0.1', '127.0.0.3');
      forger.send('PROXY TCP4 10.1.1.1 10.1.1.9 1 1\r\n');
      await forger.closed;
      const metrics = await running.service.metrics();
      expect(metrics).to.include('devices_refused_total{reason="proxy"} 3\n').and.to.include('reason="address"} 2\n');
      const direct = await DeviceClient.connect(port, '127.0.0.1', '127.0.0.2');
      expect(await driver.next()).to.include({ type: 0, id: 0, address: '127.0.0.2' });
      await direct.end();
      await driver.leave();
    });

    it('TLS behind it - shakes hands after the header', async () => {
      await start({ proxies: '127.0.0.50' });
      const driver = await open('tls', { accept: '2001:db8::7' });
      const balancer = await DeviceClient.connect(port, '127.0.0.1', '127.0.0.50');
      balancer.socket.removeAllListeners('data');
      balancer.send('PROXY TCP6 2001:db8:0:0::7 ::1 4711 9\r\n');
      const secured = connectTls({ socket: balancer.socket, rejectUnauthorized: false });
      await once(secured, 'secureConnect');
      secured.write('secret');
      expect(await driver.next()).to.include({ type: 0, address: '2001:db8::7' });
      expect((await driver.next()).data.toString()).to.equal('secret');
      secured.end();
      await balancer.closed;
      await driver.leave();
    });
  });

  it('devices over the limit - are refused and counted', async () => {
    await start({ maxDevices: 2 });
    const driver = await open('tcp');
    const devices = [await DeviceClient.connect(port), await DeviceClient.connect(port)];
    await driver.next();
    await driver.next();
    const third = await DeviceClient.connect(port);
    await third.closed;
    expect(await running.service.metrics()).to.include('devices_refused_total{reason="limit"} 1\n');
    expect(driver.unread).to.equal(0);
    await driver.leave();
    await Promise.all(devices.map((device) => device.closed));
  });
});
