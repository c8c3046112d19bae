import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHistogram } from 'node:perf_hooks';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Client, Server } from '../../lib/index.ts';
import { interserve } from '../../lib/plugins/interserve/index.ts';

// node build/examples/transfer/measure.js [MiB] [small transfers]
// Measures interserve on this machine: one file to one peer against curl, the memory that takes at either end, what the
// bus feels of it, and many small transfers. Server and client are two processes.

const mebibyte = 1024 ** 2;

interface Report {
  /** Seconds. */
  readonly time?: number;
  /** Bytes above what the process had before, at most. */
  readonly extraMemory?: number;
  readonly p99Us?: number;
  readonly port?: number;
}

async function measure(size: number, count: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'busbar-measure-'));
  try {
    const file = join(folder, 'source');
    await fill(file, size);
    const curl = await curlTimes(file, join(folder, 'curl'));
    print(
      `curl from a bare HTTP server, ${size} MiB`,
      `${rate(size, curl.memory)} to nowhere, ${rate(size, curl.file)} to a file, ${rate(size, curl.hash)} into a hash`,
    );

    const server = start('server', file);
    const { port = 0 } = await next(server);
    const client = start('client', String(port), join(folder, 'copy'));
    await next(client);
    const idle = (await ask(client, 'requests')).p99Us ?? 0;
    for (const [as, against] of [['stream', curl.memory] as const, ['file', curl.file] as const]) {
      const runs: Report[] = [];
      for (let run = 0; run < 3; run++) {
        await ask(client, as);
        const sent = ask(server, 'send');
        const received = await next(client);
        const { time, extraMemory } = await sent;
        runs.push({ ...received, time: time ?? 0 });
        print(`  memory above idle, ${as}`, `server ${mib(extraMemory)}, client ${mib(received.extraMemory)}`);
      }
      const best = Math.min(...runs.map(({ time = Infinity }) => time));
      print(
        `interserve as a ${as}, ${size} MiB`,
        `${rate(size, best)}, ${percent(against / best)} of curl, ${percent(curl.hash / best)} of curl with a hash`,
      );
      print('  request p99', `${Math.min(...runs.map(({ p99Us = 0 }) => p99Us))} us meanwhile, ${idle} us idle`);
    }
    await ask(client, 'value');
    for (const portion of [count / 10, count]) {
      const { time = 0, extraMemory } = await ask(server, `small ${portion}`);
      print(
        `${portion} transfers of 1 KB`,
        `${Math.round(portion / time)} a second, server ${mib(extraMemory)} above idle`,
      );
      print('  client', `${mib((await ask(client, 'memory')).extraMemory)} above idle`);
    }
    for (const child of [client, server]) {
      child.send('end');
      await once(child, 'close');
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function bareServer(file: string): Promise<void> {
  const { size } = await stat(file);
  const server = createServer((_request, response) => {
    response.setHeader('content-length', size);
    createReadStream(file).pipe(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.once('message', () => process.exit());
  tell({ port: (server.address() as AddressInfo).port });
}

async function transferServer(file: string): Promise<void> {
  const server = new Server({ host: '127.0.0.1', port: 0 });
  const transfers = server.use(interserve({ iport: 0 }));
  transfers.add('map');
  server.handle((data) => data);
  await server.start();
  const memory = new Memory();
  process.on('message', (message: string) => void obey(message));
  const obey = async (message: string) => {
    const [peer] = server.connections;
    if (message === 'end' || peer === undefined) return process.exit();
    memory.reset();
    const startedAt = performance.now();
    if (message === 'send') {
      await transfers.send('map', { file }, peer).receipt;
    } else {
      const count = Number(message.split(' ')[1]);
      for (let sent = 0; sent < count; sent += 50) {
        await Promise.all(Array.from({ length: 50 }, () => transfers.send('map', 'x'.repeat(1024), peer).receipt));
      }
      global.gc?.();
    }
    tell({
      time: (performance.now() - startedAt) / 1000,
      extraMemory: message === 'send' ? memory.most() : memory.now(),
    });
  };
  tell({ port: server.port ?? 0 });
}

async function transferClient(port: number, path: string): Promise<void> {
  const client = new Client({ host: '127.0.0.1', port });
  const transfers = client.use(interserve());
  await client.connect();
  const memory = new Memory();
  let busy = false;
  const done = () => {
    busy = false;
  };
  const watched = async () => {
    busy = true;
    memory.reset();
    const p99Us = await requests(() => busy);
    tell({ p99Us, extraMemory: memory.most() });
  };
  process.on('message', (message: string) => void obey(message));
  const obey = async (message: string) => {
    if (message === 'end') process.exit();
    else if (message === 'requests') {
      const end = performance.now() + 1000;
      tell({ p99Us: await requests(() => performance.now() < end) });
    } else if (message === 'memory') {
      global.gc?.();
      tell({ extraMemory: memory.now() });
    } else {
      if (message === 'stream') {
        transfers.receive('map', (stream) => void stream.on('end', done).resume(), { as: 'stream' });
      } else if (message === 'file') transfers.receive('map', done, { as: 'file', path });
      else transfers.receive('map', () => {});
      if (message === 'value') memory.reset();
      tell({});
      if (message !== 'value') void watched();
    }
  };
  tell({});

  async function requests(more: () => boolean): Promise<number> {
    const times = createHistogram();
    while (more()) {
      const startedAt = process.hrtime.bigint();
      await client.request('ping');
      times.record(process.hrtime.bigint() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return Math.round(times.percentile(99) / 1000);
  }
}

/** Resident memory above what it was at the last reset. */
class Memory {
  #base = 0;
  #most = 0;

  constructor() {
    this.reset();
    setInterval(() => (this.#most = Math.max(this.#most, process.memoryUsage.rss())), 20).unref();
  }

  reset(): void {
    global.gc?.();
    this.#base = process.memoryUsage.rss();
    this.#most = 0;
  }

  most(): number {
    return Math.max(0, this.#most - this.#base);
  }

  now(): number {
    return process.memoryUsage.rss() - this.#base;
  }
}

async function fill(path: string, size: number): Promise<void> {
  const file = await open(path, 'w');
  const chunk = crypto.getRandomValues(new Uint8Array(65_536));
  for (let written = 0; written < size * mebibyte; written += chunk.length) await file.write(chunk);
  await file.close();
}

/** The best of three runs each, in seconds: to nowhere, to a file, and into a hash as interserve does it at both ends. */
async function curlTimes(source: string, target: string): Promise<{ memory: number; file: number; hash: number }> {
  const bare = start('bare', source);
  const { port } = await next(bare);
  const url = `http://127.0.0.1:${port}/`;
  const best = { memory: Infinity, file: Infinity, hash: Infinity };
  for (let run = 0; run < 3; run++) {
    for (const [kind, line] of [
      ['memory', `curl -s -o /dev/null ${url}`],
      ['file', `curl -s -o ${target} ${url}`],
      ['hash', `curl -s ${url} | openssl dgst -sha256`],
    ] as const) {
      const startedAt = performance.now();
      await once(spawn('sh', ['-c', line], { stdio: 'ignore' }), 'close');
      best[kind] = Math.min(best[kind], (performance.now() - startedAt) / 1000);
    }
  }
  bare.send('end');
  await once(bare, 'close');
  return best;
}

function start(...argv: string[]): ChildProcess {
  return fork(fileURLToPath(import.meta.url), argv, { execArgv: ['--expose-gc'] });
}

async function next(child: ChildProcess): Promise<Report> {
  const [report] = (await once(child, 'message')) as [Report];
  return report;
}

function ask(child: ChildProcess, message: string): Promise<Report> {
  const answer = next(child);
  child.send(message);
  return answer;
}

function tell(report: Report): void {
  process.send?.(report);
}

function rate(size: number, seconds: number): string {
  return `${Math.round(size / seconds)} MiB/s`;
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(0)} %`;
}

function mib(bytes = 0): string {
  return `${(bytes / mebibyte).toFixed(1)} MiB`;
}

function print(what: string, figures: string): void {
  process.stdout.write(`${what}: ${figures}\n`);
}

const [role = '', ...args] = process.argv.slice(2);
if (role === 'bare') await bareServer(args[0] ?? '');
else if (role === 'server') await transferServer(args[0] ?? '');
else if (role === 'client') await transferClient(Number(args[0]), args[1] ?? '');
else await measure(Number(role || 1024), Number(args[0] ?? 100_000));
