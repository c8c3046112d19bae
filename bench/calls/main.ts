import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Server } from '../../lib/index.ts';
import { CallCounter, type Calls, usual } from './call-counter.ts';
import type { Part } from './other-end.ts';
import { printSizes } from './sizes.ts';

// How many functions of lib/ run for one operation, counted by V8's precise coverage: one small message per turn of the
// event loop over a unix socket, warmed up, the other end in a process of its own. With `--list`, which functions.

const warmUps = 200;
const mostSamples = 50;
const receivers = 10;
const small = { hello: 1 };

const [option, ...others] = process.argv.slice(2);
const lists = option === '--list';
if (others.length > 0 || (option !== undefined && !lists)) {
  process.stderr.write('npm run measure:calls [-- --list]\n');
  process.exit(2);
}
const counter = new CallCounter();
const folder = mkdtempSync(join(tmpdir(), 'calls-'));
try {
  await measureClient();
  await measureServer();
} finally {
  counter.close();
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write('\n');
printSizes();

async function measureClient(): Promise<void> {
  const path = join(folder, 'client.sock');
  const other = await otherEnd({ path, clients: 0 });
  const client = new Client({ path });
  await client.connect();
  const request = async (): Promise<void> => void (await client.request(small));
  print('send', await sampled(async () => void client.send(small)));
  print('request and answer, at the requester', await sampled(request));
  await client.close();
  other.disconnect();
}

async function measureServer(): Promise<void> {
  const path = join(folder, 'server.sock');
  const server = new Server({ path });
  await server.start();
  const other = await otherEnd({ path, clients: receivers });
  let heard: (() => void) | undefined;
  let atListener: Calls | undefined;
  server.on('message', () => {
    atListener = counter.take();
    heard?.();
  });
  const arrivals: Calls[] = [];
  const inbound = async (): Promise<void> => {
    const arrival = new Promise<void>((resolve) => {
      heard = resolve;
    });
    other.send('speak');
    await arrival;
  };
  const rest = await sampled(inbound, () => void (atListener !== undefined && arrivals.push(atListener)));
  print('message that comes in, until the listener', usual(arrivals.slice(-mostSamples)));
  print('the same, after the listener', rest);
  const broadcast = async (): Promise<void> => void server.broadcast(small);
  print(`broadcast to ${receivers}, per receiver`, await sampled(broadcast), receivers);
  await server.close();
  other.disconnect();
}

/** Does `operation` once per turn, and returns what it usually runs with what follows in the turn. */
async function sampled(operation: () => Promise<void>, done?: () => void): Promise<Calls> {
  const samples: Calls[] = [];
  for (let count = 0; count < warmUps + mostSamples; count++) {
    counter.take();
    await operation();
    await turn();
    await turn();
    samples.push(counter.take());
    done?.();
  }
  return usual(samples.slice(-mostSamples));
}

async function otherEnd(part: Part): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('./other-end.js', import.meta.url)));
  child.send(part);
  await once(child, 'message');
  return child;
}

function print(name: string, { total, files, byFunction }: Calls, times = 1): void {
  const calls = String(Math.round(total / times)).padStart(4);
  process.stdout.write(`${name.padEnd(44)}${calls} calls in ${String(files).padStart(2)} files\n`);
  if (!lists) return;
  for (const [called, count] of [...byFunction].sort(([a], [b]) => (a < b ? -1 : 1))) {
    process.stdout.write(`    ${String(count).padStart(4)}  ${called}\n`);
  }
}
