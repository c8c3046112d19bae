import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { MultiBar, type SingleBar } from 'cli-progress';
import { type Connection, Server } from '../../lib/index.ts';
import { interserve } from '../../lib/plugins/interserve/index.ts';
import { end } from '../program.ts';
import { Relay } from './relay.ts';

// node scripts/run.mjs examples/transfer/main.ts [megabytes]
// A server gives a map of 1 GB to three clients at once. The road of one of them is cut in the middle; it goes on where it
// was. In the end every client reads its copy from the disk and names its SHA-256.

const players = 3;
const megabytes = Number(process.argv[2] ?? 1000);
if (!Number.isInteger(megabytes) || megabytes < 1 || process.argv.length > 3) end('usage: main.ts [megabytes]', 2);
process.exitCode = await main(megabytes * 1_000_000);

async function main(size: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'busbar-transfer-'));
  const relay = new Relay(size / 2);
  const server = new Server({ host: '127.0.0.1', port: 0 });
  const transfers = server.use(interserve({ iport: 0, port: await relay.start(), size }));
  transfers.add('map');
  await server.start();
  relay.leadTo(transfers.port ?? 0);
  const children: ChildProcess[] = [];
  const format = '{player} {bar} {percentage} % {speed} MB/s';
  const bars = process.stderr.isTTY ? new MultiBar({ format, hideCursor: true }) : undefined;
  try {
    const map = join(folder, 'map');
    const expected = await draw(map, size);
    for (let player = 1; player <= players; player++) {
      children.push(await startPlayer(server, join(folder, `map-${player}`)));
    }

    const startedAt = performance.now();
    const handle = transfers.broadcast('map', { file: map });
    const byPeer = new Map<unknown, SingleBar | undefined>();
    for (const [index, peer] of server.connections.entries()) {
      byPeer.set(peer, bars?.create(size, 0, { player: `player ${index + 1}`, speed: '-' }));
    }
    handle.on('progress', ({ peer, bytes, rate }) => {
      byPeer.get(peer)?.update(bytes, { speed: (rate / 1e6).toFixed(0) });
    });
    const outcomes = await handle.receipt;
    const seconds = (performance.now() - startedAt) / 1000;
    bars?.stop();

    let whole = 0;
    for (const [index, outcome] of outcomes.entries()) {
      const onDisk = await hashAt(server.connections[index]);
      const isRight = outcome.status === 'fulfilled' && outcome.value.sha256 === expected && onDisk === expected;
      if (isRight) whole += 1;
      const how = outcome.status === 'fulfilled' ? `resumed ${outcome.value.resumed} times` : String(outcome.reason);
      print(`player ${index + 1}: ${isRight ? 'has the map' : 'has no map'}, ${how}, sha256 ${onDisk.slice(0, 16)}`);
    }
    const speed = ((players * size) / 1e6 / seconds).toFixed(0);
    print(
      `${players} x ${size / 1e6} MB in ${seconds.toFixed(1)} s, ${speed} MB/s together, ${relay.cuts} connection cut`,
    );
    return whole === players && relay.cuts === 1 ? 0 : 1;
  } finally {
    bars?.stop();
    await server.close();
    for (const child of children) if (child.exitCode === null) child.kill();
    await relay.close();
    await rm(folder, { recursive: true });
  }
}

/** Makes a file of `size` random bytes and resolves its SHA-256. */
async function draw(path: string, size: number): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'w');
  for (let left = size; left > 0; ) {
    const chunk = crypto.getRandomValues(new Uint8Array(Math.min(left, 65_536)));
    hash.update(chunk);
    await file.write(chunk);
    left -= chunk.length;
  }
  await file.close();
  return hash.digest('hex');
}

/** Starts a player and resolves when the server has it. */
async function startPlayer(server: Server, path: string): Promise<ChildProcess> {
  const connected = new Promise((resolve) => server.once('connect', resolve));
  const program = fileURLToPath(new URL('./client.js', import.meta.url));
  const child = fork(program, [String(server.port), path]);
  await Promise.race([connected, once(child, 'close')]);
  return child;
}

async function hashAt(connection: Connection | undefined): Promise<string> {
  return String(await connection?.request('hash', { timeout: 60_000 }));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
