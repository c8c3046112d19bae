import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { Client } from '../../lib/index.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';

// Measures busbar dispatch beside a bare pipe made of the same parts: `node scripts/run.mjs bench/dispatch/measure.ts`,
// with `--quick` in a few seconds.
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    megabytes: { type: 'string' },
    runs: { type: 'string' },
  },
});
const megabytes = Number(values.megabytes ?? (values.quick ? 8 : 400));
const runs = Number(values.runs ?? (values.quick ? 1 : 3));
const crowdSize = values.quick ? 200 : 5_000;
const datagramSeconds = values.quick ? 0.2 : 3;

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** A child that does not outlive this process. */
function keep<Child extends ChildProcess>(child: Child): Child {
  children.add(child);
  child.once('close', () => children.delete(child));
  return child;
}

interface Target {
  readonly name: string;
  readonly process: ChildProcess;
  readonly url: string;
  readonly devicePort: number;
}

/** The members of the next message of a child. */
async function told(child: ChildProcess): Promise<Record<string, unknown>> {
  return membersOf(await new Promise<unknown>((resolve) => child.once('message', resolve)));
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function dispatchTarget(
  protocol: 'tcp' | 'udp',
  options: readonly string[] = [],
): Promise<Target & { readonly web: string }> {
  const child = keep(
    spawn(process.execPath, [here('../../lib/cli/main.js'), 'dispatch', '--port', '0', ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, SG_ENV: 'production', PLACE_SERVER_SECRET: 'bench' },
    }),
  );
  const line = await new Promise<unknown>((resolve) => child.stdout.setEncoding('utf8').once('data', resolve));
  child.stdout.resume();
  const first: unknown = JSON.parse(String(line).split('\n')[0] ?? '');
  const port = Number(membersOf(first)['port']);
  const devicePort = await freePort();
  const web = `127.0.0.1:${port}/api/server`;
  return {
    name: 'busbar dispatch',
    process: child,
    web: `http://${web}/metrics?bearer_token=bench`,
    url: `ws://${web}/${protocol}_dispatch?bearer_token=bench&accept=127.0.0.1&port=${devicePort}`,
    devicePort,
  };
}

async function bareTarget(): Promise<Target> {
  const child = keep(fork(here('bare-pipe.js')));
  const { web, devices } = await told(child);
  return { name: 'bare pipe', process: child, url: `ws://127.0.0.1:${Number(web)}`, devicePort: Number(devices) };
}

async function driverOf(target: Target): Promise<WebSocket> {
  const driver = new WebSocket(target.url, { perMessageDeflate: false });
  await once(driver, 'open');
  // The port opens after the upgrade.
  await new Promise((resolve) => setTimeout(resolve, 100));
  return driver;
}

async function stop(target: Target, driver: WebSocket): Promise<void> {
  driver.terminate();
  target.process.kill('SIGKILL');
  await once(target.process, 'close');
}

/** MB/s from a device through the target to a driver. */
async function throughput(target: Target, chunk: number): Promise<number> {
  const driver = await driverOf(target);
  const total = megabytes * 1_000_000;
  const device = keep(fork(here('device.js'), ['tcp', String(target.devicePort), String(total), String(chunk)]));
  await once(device, 'message');
  let received = 0;
  const start = performance.now();
  const done = new Promise<void>((resolve) => {
    driver.on('message', (data: Buffer) => {
      received += data.length;
      if (received >= total) resolve();
    });
  });
  device.send('go');
  await done;
  const seconds = (performance.now() - start) / 1_000;
  device.kill();
  await stop(target, driver);
  return total / 1e6 / seconds;
}

/** MB/s from a device to a driver on the bus, over a unix socket. */
async function busThroughput(chunk: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'bb-'));
  const target = await dispatchTarget('tcp', ['--bus', `unix:${folder}/s`]);
  const client = new Client({ path: `${folder}/s` });
  const ports = client.use(dispatch());
  await client.connect();
  const port = await ports.tcp({ port: 0, accept: '127.0.0.1' });
  const total = megabytes * 1_000_000;
  const device = keep(fork(here('device.js'), ['tcp', String(port.port), String(total), String(chunk)]));
  await once(device, 'message');
  let received = 0;
  const start = performance.now();
  const done = new Promise<void>((resolve) => {
    port.on('received', (_device, bytes) => {
      received += bytes.length;
      if (received >= total) resolve();
    });
  });
  device.send('go');
  await done;
  const seconds = (performance.now() - start) / 1_000;
  device.kill();
  await client.close();
  target.process.kill('SIGTERM');
  await once(target.process, 'close');
  rmSync(folder, { recursive: true, force: true });
  return total / 1e6 / seconds;
}

async function crowd(count: number): Promise<string> {
  const target = await dispatchTarget('tcp');
  const driver = await driverOf(target);
  const counts = [0, 0, 0];
  const all = new Promise<void>((resolve) => {
    driver.on('message', (data: Buffer) => {
      const type = data[0] ?? 0;
      counts[type] = (counts[type] ?? 0) + 1;
      if (counts[1] === count) resolve();
    });
  });
  const start = performance.now();
  const devices = keep(fork(here('device.js'), ['crowd', String(target.devicePort), String(count)]));
  await once(devices, 'message');
  const connected = performance.now() - start;
  devices.send('go');
  await all;
  await stop(target, driver);
  return `opened ${counts[0]}, heard ${counts[2]}, closed ${counts[1]}; all connected after ${connected.toFixed(0)} ms`;
}

async function datagrams(rate: number, duration: number, size: number): Promise<string> {
  const target = await dispatchTarget('udp');
  const driver = await driverOf(target);
  let heard = 0;
  driver.on('message', () => heard++);
  const device = fork(here('device.js'), [
    'udp',
    String(target.devicePort),
    String(rate * duration),
    String(rate),
    String(size),
  ]);
  const report = await told(device);
  const sent = Number(report['sent']);
  const seconds = Number(report['seconds']) - 0.2;
  const metrics = await (await fetch(target.web)).text();
  const value = (name: string): number =>
    Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0);
  const received = value('busbar_dispatch_datagrams_received_total');
  const slow = Number(/dropped_total\{reason="slow_driver"\} (\d+)/.exec(metrics)?.[1]);
  const kernel = value('busbar_dispatch_udp_receive_buffer_drops');
  await stop(target, driver);
  const perSecond = (number: number): string => (number / seconds).toFixed(0);
  return (
    `${perSecond(sent)}/s sent, ${perSecond(received)}/s received, ${perSecond(heard)}/s heard by the driver; ` +
    `sent ${sent} = heard ${heard} + slow driver ${slow} + system ${kernel} + unaccounted ${sent - heard - slow - kernel}`
  );
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

for (const chunk of [65_536, 4_096]) {
  const rates = { bare: [] as number[], dispatch: [] as number[], bus: [] as number[] };
  for (let run = 0; run < runs; run++) {
    rates.bare.push(await throughput(await bareTarget(), chunk));
    rates.dispatch.push(await throughput(await dispatchTarget('tcp'), chunk));
    rates.bus.push(await busThroughput(chunk));
  }
  const [bare, ours] = [median(rates.bare), median(rates.dispatch)];
  say(
    `TCP to WebSocket, writes of ${chunk}: bare ${bare.toFixed(0)} MB/s, dispatch ${ours.toFixed(0)} MB/s, ratio ${(ours / bare).toFixed(2)}, driver on the bus ${median(rates.bus).toFixed(0)} MB/s`,
  );
}
say(`${crowdSize} devices: ${await crowd(crowdSize)}`);
for (const rate of [50_000, 80_000]) say(`datagrams of 100 bytes: ${await datagrams(rate, datagramSeconds, 100)}`);
