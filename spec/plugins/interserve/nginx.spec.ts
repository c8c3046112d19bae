import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { curl, hasCurl } from './support/curl.ts';
import { reasonOf, TransferBus, type TransferClient } from './support/transfer-bus.ts';

const nginx = ['nginx', '/usr/sbin/nginx'].find((program) => spawnSync(program, ['-v']).status === 0);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A reverse proxy on loopback, in front of the interserve port `upstream`. */
async function startNginx(folder: string, port: number, upstream: number, tls: boolean): Promise<ChildProcess> {
  const certificate = join(process.cwd(), 'spec/support/tls');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = `
daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 64; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${port}${tls ? ' ssl' : ''};
    ${tls ? `ssl_certificate ${certificate}/cert.pem; ssl_certificate_key ${certificate}/key.pem;` : ''}
    client_max_body_size 8m;
    location /interserve/ {
      proxy_pass http://127.0.0.1:${upstream};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_request_buffering off;
      proxy_buffering off;
    }
  }
}`;
  await writeFile(join(folder, 'nginx.conf'), config);
  const child = spawn(
    nginx ?? 'nginx',
    ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')],
    {
      stdio: 'ignore',
    },
  );
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}/`;
  while ((await curl(url, ['-k'])).status === 0) await access(folder);
  return child;
}

describe('interserve behind nginx', function () {
  this.timeout(30_000);
  let folder: string;
  let child: ChildProcess | undefined;
  let bus: TransferBus;
  let one: TransferClient;

  async function start(tls: boolean): Promise<void> {
    const port = await freePort();
    bus = await TransferBus.start({ port, ssl: tls, address: '127.0.0.1', trusted: ['loopback'], compress: true });
    bus.transfers.add('map');
    one = await bus.connect(tls ? { tls: { rejectUnauthorized: false } } : {});
    child = await startNginx(folder, port, bus.port, tls);
  }

  beforeEach(async function () {
    if (nginx === undefined || !hasCurl) this.skip();
    folder = await mkdtemp(join(tmpdir(), 'busbar-nginx-'));
  });
  afterEach(async () => {
    if (nginx === undefined || !hasCurl) return;
    await bus.close();
    if (child !== undefined) {
      child.kill();
      await once(child, 'close');
    }
    child = undefined;
    await rm(folder, { recursive: true });
  });

  for (const tls of [false, true]) {
    it(`${tls ? 'HTTPS ended by the proxy' : 'HTTP'} - values, streams and files pass both ways`, async () => {
      await start(tls);
      const content = Buffer.alloc(5_000_000, 'interserve');
      const sha256 = createHash('sha256').update(content).digest('hex');
      let got = 0;
      bus.transfers.receive('map', (data) => (got += data.length));
      one.transfers.receive('map', (data) => (got += data.length));
      for (const data of [content, () => Readable.from([content])]) {
        const made = () => (typeof data === 'function' ? data() : data);
        expect(await bus.transfers.send('map', made(), one.peer).receipt).to.include({ sha256, resumed: 0 });
        expect(await one.transfers.send('map', made()).receipt).to.include({ sha256, resumed: 0 });
      }
      expect(got).to.equal(4 * content.length);
    });
  }

  it('the address of the peer - is the one the proxy names', async () => {
    await start(false);
    const seen: string[] = [];
    one.transfers.receive('map', () => {});
    bus.transfers.interrupt('map', (_peer, { address, headers }) => {
      seen.push(address, String(headers['x-forwarded-for']));
    });
    await bus.transfers.send('map', 'x', one.peer).receipt;
    expect(seen).to.deep.equal(['127.0.0.1', '127.0.0.1']);
  });

  it('a body larger than the proxy takes - fails with its 413, and the server is told', async () => {
    await start(false);
    bus.transfers.receive('map', () => {});
    const heard = new Promise((resolve) => {
      one.transfers.failure('map', (code, _reason, headers) =>
        resolve([code, String(headers?.server).startsWith('nginx')]),
      );
    });
    const random = Buffer.from(Array.from({ length: 9_000_000 }, (_, index) => (index * index) >> 8));
    expect(await reasonOf(one.transfers.send('map', random).receipt)).to.equal('large');
    expect(await heard).to.deep.equal([413, true]);
    expect(bus.records.at(-1)).to.include({ outcome: 'large' });
  });

  it('a proxy that is restarted - does not end the transfer', async () => {
    await start(false);
    const content = Buffer.alloc(400_000, 'x');
    await bus.close();
    const port = await freePort();
    bus = await TransferBus.start({ port, address: '127.0.0.1', trusted: ['loopback'], rate: 200_000 });
    bus.transfers.add('map');
    one = await bus.connect();
    child?.kill();
    if (child !== undefined) await once(child, 'close');
    child = await startNginx(folder, port, bus.port, false);
    one.transfers.receive('map', () => {});
    const handle = bus.transfers.send('map', content, one.peer);
    await new Promise((resolve) => handle.once('progress', resolve));
    child.kill('SIGKILL');
    await once(child, 'close');
    child = await startNginx(folder, port, bus.port, false);
    expect(await handle.receipt).to.include({ bytes: content.length, resumed: 1 });
  });
});
