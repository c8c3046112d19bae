import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '../../lib/index.ts';
import { channels, type Rooms, type UserEnd } from '../../lib/plugins/channels/index.ts';
import { proxy } from '../../lib/plugins/rpc/index.ts';

// node scripts/run.mjs bench/channels/main.ts [seconds per measurement]
// A relay, an owner and 200 users in processes of their own, this one the user that drives them, over a unix socket. Of each
// rate the median of several turns is shown, and its share of the first one.

interface Count {
  readonly cpuMs: number;
  readonly received: number;
}

interface Echo {
  echo(data: unknown): unknown;
}

const seconds = Number(process.argv[2] ?? 0.3);
const depth = 256;
const rounds = 2;
const turns = 5;
const payload = {
  id: 12,
  name: 'player',
  x: 1.5,
  y: 2.5,
  items: ['sword', 'shield'],
  health: 100,
  note: 'a hundred bytes or so',
};
const chunk = Buffer.alloc(100, 7);

const folder = mkdtempSync(join(tmpdir(), 'busbar-channels-'));
const path = join(folder, 's');
const children: ChildProcess[] = [];
try {
  await measure();
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const relay = await start('relay');
  const owner = await start('owner');
  const client = new Client({ path });
  const rooms = client.use(channels());
  await client.connect();
  for (let round = 1; round <= rounds; round += 1) print(`round ${round}`, await rates(client, rooms, owner));
  print('a room of 200 users, 20 broadcasts of 100 bytes a second', await crowd(rooms, relay));
  client.destroy();
}

/** The median rate of each, measured in turns, so that whatever else the machine does meets all of them. */
async function rates(client: Client, rooms: Rooms, owner: ChildProcess): Promise<Record<string, string>> {
  const user = await rooms.enter('echo');
  const straight = proxy<Echo>(client);
  const inChannel = proxy<Echo>(user);
  const measures: Readonly<Record<string, () => Promise<number>>> = {
    'pipelined requests to the server': () => pipelined(() => client.request(payload)),
    'remote calls to the server': () => pipelined(() => straight.echo(payload)),
    'chunks through the relay, one way': () => oneWay(rooms, owner),
    'chunks through the relay and back': () => echoing(user),
    'remote calls in a channel': () => pipelined(() => inChannel.echo(payload)),
  };
  const taken = new Map(Object.keys(measures).map((name) => [name, [] as number[]]));
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [name, measured] of Object.entries(measures)) taken.get(name)?.push(await measured());
  }
  user.leave();
  const medians = Array.from(taken, ([name, rates]) => [name, median(rates)] as const);
  const requests = medians[0]?.[1] ?? 1;
  return Object.fromEntries(
    medians.map(([name, rate]) => [name, `${Math.round(rate)}/s, ${Math.round((100 * rate) / requests)} %`]),
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Calls in flight all the time; how many were answered a second. */
async function pipelined(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  const end = start + seconds * 1_000;
  let done = 0;
  const lane = async (): Promise<void> => {
    for (; performance.now() < end; done += 1) await call();
  };
  await Promise.all(Array.from({ length: depth }, lane));
  return (1_000 * done) / (performance.now() - start);
}

/** Chunks from a user to an owner that only counts them, each sent when the session took the one before. */
async function oneWay(rooms: Rooms, owner: ChildProcess): Promise<number> {
  const user = await rooms.enter('sink');
  await counted(owner);
  const start = performance.now();
  while (performance.now() < start + seconds * 1_000) {
    for (let index = 0; index < 64; index += 1) await user.sendChunk(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { received } = await counted(owner);
  const rate = (1_000 * received) / (performance.now() - start);
  user.leave();
  return rate;
}

async function echoing(user: UserEnd): Promise<number> {
  const waiting: (() => void)[] = [];
  const back = (): void => waiting.shift()?.();
  user.on('chunk', back);
  const rate = await pipelined(() => {
    const answered = new Promise<void>((resolve) => waiting.push(resolve));
    void user.sendChunk(chunk);
    return answered;
  });
  user.off('chunk', back);
  return rate;
}

async function crowd(rooms: Rooms, relay: ChildProcess): Promise<Record<string, string>> {
  const owner = await rooms.create('crowd');
  const users = await start('users', '200');
  await counted(relay);
  await counted(users);
  const timer = setInterval(() => void owner.broadcastChunk(chunk), 50);
  const begunMs = performance.now();
  await wait(5_000);
  clearInterval(timer);
  const ms = performance.now() - begunMs;
  const { cpuMs } = await counted(relay);
  await wait(100);
  const { received } = await counted(users);
  return {
    'relay, of one core': `${((100 * cpuMs) / ms).toFixed(1)} %`,
    deliveries: `${Math.round((1_000 * received) / ms)}/s`,
  };
}

async function start(role: string, count = '0'): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('./part.js', import.meta.url)), [role, path, count]);
  children.push(child);
  await once(child, 'message');
  return child;
}

async function counted(child: ChildProcess): Promise<Count> {
  child.send('count');
  const [count] = (await once(child, 'message')) as [Count];
  return count;
}

function print(title: string, rows: Readonly<Record<string, string>>): void {
  const lines = Object.entries(rows).map(([name, value]) => `  ${name.padEnd(36)}${value}`);
  process.stdout.write(`${title}\n${lines.join('\n')}\n`);
}
