import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { freePort, nginx, startNginx } from '../../support/nginx.ts';
import { BareClient } from './support/bare-client.ts';
import { curl, hasCurl, withKey } from './support/curl.ts';
import { reasonOf, TransferBus, type TransferClient } from './support/transfer-bus.ts';

/** A reverse proxy on loopback, in front of the interserve port `upstream`. */
function inFront(
  folder: string,
  port: number,
  upstream: number,
  tls: boolean,
  buffering: 'on' | 'off' = 'off',
): Promise<ChildProcess> {
  const location = `
    client_max_body_size 8m;
    location /interserve/ {
      proxy_pass http://127.0.0.1:${upstream};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_request_buffering ${buffering};
      proxy_buffering off;
    }`;
  return startNginx(folder, port, location, tls);
}

describe('interserve behind nginx', function () {
  let folder: string;
  let child: ChildProcess | undefined;
  let proxied = 0;
  let bus: TransferBus;
  let one: TransferClient;

  async function start(tls: boolean, buffering: 'on' | 'off' = 'off'): Promise<void> {
    const port = await freePort();
    proxied = port;
    bus = await TransferBus.start({ port, ssl: tls, address: '127.0.0.1', trusted: ['loopback'], compress: true });
    bus.transfers.add('map');
    one = await bus.connect(tls ? { tls: { rejectUnauthorized: false } } : {});
    child = await inFront(folder, port, bus.port, tls, buffering);
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

  for (const buffering of ['on', 'off'] as const) {
    it(`refused uploads - their status comes through, with proxy_request_buffering ${buffering}`, async () => {
      await start(false, buffering);
      bus.transfers.receive('map', () => {});
      bus.transfers.add('stopped');
      bus.transfers.receive('stopped', () => {});
      bus.transfers.interrupt('stopped', () => false);
      const none = `/interserve/${'0'.repeat(32)}/${'a'.repeat(22)}.${'b'.repeat(22)}`;
      let asked = 0;
      const place = async (
        bare: BareClient,
        id = 'map',
        size = 8_000_000,
      ): Promise<readonly [path: string, key: readonly string[]]> => {
        asked += 1;
        const { path, key } = await bare.ask(asked, id, size).place;
        return [path, withKey(key)];
      };
      const [own, other] = [new BareClient(bus), new BareClient(bus)];
      for (const { client } of [own, other]) await bus.join(client);
      const [, key] = await place(own);
      const [, foreign] = await place(other);
      // Each time anew: on a busy machine one that was offered at the beginning has expired when its turn comes.
      const offered = async (size?: number): Promise<string> => (await place(own, 'map', size))[0];
      const refusals: Readonly<Record<number, () => readonly string[] | Promise<readonly string[]>>> = {
        400: async () => [...key, await offered()],
        401: async () => [await offered()],
        403: async () => [...foreign, await offered()],
        404: () => [...key, none],
        405: async () => ['-X', 'PATCH', ...key, await offered()],
        409: async () => ['-H', 'Upload-Offset: 5', ...key, await offered()],
        410: async () => {
          const [stopped] = await place(own, 'stopped');
          await curl(`http://127.0.0.1:${proxied}${stopped}`, ['-X', 'PUT', '--data-binary', 'x', ...key]);
          return [...key, stopped];
        },
        413: async () => [...key, await offered(10)],
      };
      for (const [status, make] of Object.entries(refusals)) {
        const args = [...(await make())];
        const url = `http://127.0.0.1:${proxied}${args.pop()}`;
        for (const bytes of [1_000_000, 5_000_000]) {
          const seen: number[] = [];
          for (let turn = 0; turn < (status === '404' ? 5 : 2); turn += 1) {
            const method = args.includes('-X') ? [] : ['-X', 'PUT'];
            const answer = await curl(
              url,
              ['-H', 'Expect:', ...method, ...args, '--data-binary', '@-'],
              Buffer.alloc(bytes),
            );
            seen.push(answer.status);
          }
          expect(seen, `${status}, ${bytes} bytes`).to.deep.equal(seen.map(() => Number(status)));
        }
      }
    });
  }

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
    child = await inFront(folder, port, bus.port, false);
    one.transfers.receive('map', () => {});
    const handle = bus.transfers.send('map', content, one.peer);
    await new Promise((resolve) => handle.once('progress', resolve));
    child.kill('SIGKILL');
    await once(child, 'close');
    child = await inFront(folder, port, bus.port, false);
    const { bytes, resumed } = await handle.receipt;
    expect(bytes).to.equal(content.length);
    expect(resumed).to.be.at.least(1);
  });
});
