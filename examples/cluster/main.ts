import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { argumentsOf, end } from '../program.ts';
import { Machines } from './machines.ts';
import type { Count } from './node.ts';

// Three machines with a node and ten bots each, who all send to each other over NATS. NATS and a node are killed, and a machine is
// unplugged for a while; then everybody says what came of it.

const [seconds] = argumentsOf('SECONDS');
const unpluggedMs = Number(seconds) * 1_000;
if (!(unpluggedMs > 0)) end('SECONDS is for how long a machine is unplugged, such as 10', 2);
if (!Machines.areAllowed()) end('It takes root on Linux to make network namespaces', 3);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const machines = new Machines();
const nodes = new Map<string, ChildProcess>();
let nats = startNats();
process.once('exit', () => {
  for (const child of [nats, ...nodes.values()]) child.kill('SIGKILL');
  machines.end();
});
process.once('SIGINT', () => process.exit(1)).once('SIGTERM', () => process.exit(1));

function startNats(): ChildProcess {
  return machines.run('nats-server', '-a', '10.77.0.1', '-p', '4222');
}

async function start(name: string): Promise<void> {
  const child = machines.fork(name, new URL('node.js', import.meta.url), name, 'nats://10.77.0.1:4222');
  nodes.set(name, child);
  await once(child, 'message');
  console.log(`${name} has joined`);
}

async function countOf(name: string, word: 'count' | 'stop'): Promise<Count> {
  const child = nodes.get(name);
  child?.send(word);
  const [count] = (await once(child as ChildProcess, 'message')) as [Count];
  return count;
}

for (const name of ['eu-1', 'eu-2', 'us-1']) {
  machines.add(name);
  await start(name);
}
await sleep(1_000);
for (let kills = 0; kills < 3; kills++) {
  console.log('nats-server is killed');
  nats.kill('SIGKILL');
  await once(nats, 'exit');
  nats = startNats();
  await sleep(1_500);
}
console.log('us-1 is killed, and started again');
nodes.get('us-1')?.kill('SIGKILL');
await sleep(500);
await start('us-1');
console.log(`eu-2 is unplugged for ${seconds} s`);
machines.plug('eu-2', false);
await sleep(unpluggedMs);
machines.plug('eu-2', true);
const pluggedAt = performance.now();
for (;;) {
  const counts = await Promise.all([...nodes.keys()].map((name) => countOf(name, 'count')));
  if (counts.every(({ nodesUp }) => nodesUp.length === nodes.size)) break;
  await sleep(50);
}
console.log(`all agree again after ${Math.round(performance.now() - pluggedAt)} ms`);
await sleep(1_500);
for (const name of nodes.keys()) await countOf(name, 'stop');
await sleep(1_500);
let wrong = 0;
for (const name of nodes.keys()) {
  const { sent, came, lost, doubled } = await countOf(name, 'count');
  console.log(`${name}: sent ${sent}, came ${came}, lost ${lost}, doubled ${doubled}`);
  wrong += lost + doubled;
}
process.exit(wrong === 0 ? 0 : 1);
