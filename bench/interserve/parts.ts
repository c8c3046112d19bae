import { spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { Client, Server } from '../../lib/index.ts';
import { type ClientTransfers, interserve, type ServerTransfers } from '../../lib/plugins/interserve/index.ts';
import { portOf } from '../port-of.ts';
import type { Part } from '../scenarios/scenario.ts';
import { quantile } from '../statistics.ts';
import { now, sleep } from '../time.ts';

const atOnce = 50;

async function fill(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w');
  const piece = randomFillSync(Buffer.allocUnsafe(1_048_576));
  for (let left = bytes; left > 0; left -= piece.length)
    await file.write(piece.subarray(0, Math.min(left, piece.length)));
  await file.close();
}

/** The sender: a bus server with transfers, and a bare HTTP server that gives the same file to curl. */
export const sender: Part = ({ address }) => {
  const source = join(dirname(address), 'source');
  let server: Server;
  let transfers: ServerTransfers;
  return {
    async open({ bytes, rate }) {
      await fill(source, Number(bytes));
      server = new Server({ host: '127.0.0.1', port: 0 });
      transfers = server.use(interserve({ iport: 0, rate: Number(rate) }));
      transfers.add('map');
      server.handle((data: unknown) => data);
      await server.start();
      const bare = createServer((_, response) => {
        response.setHeader('Content-Length', Number(bytes));
        createReadStream(source).pipe(response);
      });
      await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
      return { bus: server.port ?? 0, http: portOf(bare) };
    },
    async file() {
      const startedAt = now();
      const [peer] = server.connections;
      if (peer !== undefined) await transfers.send('map', { file: source }, peer).receipt;
      return { ms: now() - startedAt };
    },
    async small({ count }) {
      const startedAt = now();
      const [peer] = server.connections;
      const data = 'x'.repeat(1_024);
      for (let sent = 0; sent < Number(count) && peer !== undefined; sent += atOnce) {
        await Promise.all(Array.from({ length: atOnce }, () => transfers.send('map', data, peer).receipt));
      }
      return { ms: now() - startedAt };
    },
  };
};

const fetches = {
  file: (url: string, path: string): string => `curl -sf -o ${path} ${url}`,
  stream: (url: string): string => `curl -sf -o /dev/null ${url}`,
  hashed: (url: string, path: string): string => `curl -sf ${url} | tee ${path} | openssl dgst -sha256`,
};

/** The receiver, by interserve or as the one who starts curl. It asks questions of the bus at the same time. */
export const receiver: Part = ({ address }) => {
  const path = join(dirname(address), 'copy');
  let client: Client;
  let transfers: ClientTransfers;
  let stopped = false;
  return {
    async open({ bus, as }) {
      client = new Client({ host: '127.0.0.1', port: Number(bus) });
      transfers = client.use(interserve());
      if (as === 'file') transfers.receive('map', () => {}, { as: 'file', path });
      else if (as === 'stream') transfers.receive('map', (stream) => void stream.resume(), { as: 'stream' });
      else transfers.receive('map', () => {});
      await client.connect();
      return {};
    },
    async curl({ http, as, rate }) {
      const limit = Number(rate) > 0 ? `--limit-rate ${Number(rate)} ` : '';
      const line = fetches[as as keyof typeof fetches](`${limit}http://127.0.0.1:${Number(http)}/`, path);
      const startedAt = now();
      const [code] = (await once(spawn('sh', ['-c', line], { stdio: 'ignore' }), 'close')) as [number];
      if (code !== 0) throw new Error(`curl ended with ${code}`);
      return { ms: now() - startedAt };
    },
    /** One request after the other, a millisecond apart, for `ms` or until told to stop. */
    async ask({ ms }) {
      const latencies: number[] = [];
      stopped = false;
      for (const startedAt = now(); now() - startedAt < Number(ms) && !stopped; ) {
        const askedAt = now();
        await client.request('ping');
        latencies.push(now() - askedAt);
        await sleep(1);
      }
      return {
        p99:
          quantile(
            latencies.sort((a, b) => a - b),
            0.99,
          ) * 1_000,
      };
    },
    stop() {
      stopped = true;
      return {};
    },
  };
};
