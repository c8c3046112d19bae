import { once } from 'node:events';
import { createServer } from 'node:net';
import { Client, Server } from '../../lib/index.ts';
import { FaultProxy, type ProxyAddress, type ProxyFaults, SeededRandom } from '../../lib/testing/index.ts';
import { Tally } from '../reliability/tally.ts';
import { eager, sleep } from '../support/buses.ts';
import { interopTls } from '../support/interop-tls.ts';
import { type NetIpcProcess, RemoteEnd } from '../support/net-ipc-process.ts';
import type { Codec, Role, Transport } from './matrix.ts';

export interface FaultFigures {
  readonly faults: number;
  /** What our end sent, and what of it arrived at the real one. */
  readonly sent: number;
  readonly arrived: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  /** Calls of ours that never settled. */
  readonly neverSettled: number;
  /** Whether a new conversation works after it all. */
  readonly works: boolean;
}

const timing = { heartbeatIntervalMs: 300, heartbeatTimeoutMs: 300, handshakeTimeoutMs: 1_000 };

function menu(random: SeededRandom): ProxyFaults {
  return random.pick<ProxyFaults>([
    {},
    { sliceBytes: random.between(1, 40) },
    { cutAfterBytes: random.between(1, 3_000) },
    { latencyMs: random.between(1, 20) },
    { slowCloseMs: random.between(1, 30) },
    { bytesPerSecond: 100_000 },
    { blackHole: true },
  ]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** One end of ours and a real net-ipc 2.x end talk for a while, through a proxy that breaks their link. */
export async function underFaults(
  real: NetIpcProcess,
  path: string,
  role: Role,
  { unix, security, handshake }: Transport,
  { messagepack, compress }: Codec,
  faults: number,
  seed: number,
): Promise<FaultFigures> {
  const random = new SeededRandom(seed);
  const weServe = role === 'net-ipc client, busbar server';
  const port = unix ? 0 : await freePort();
  const target: ProxyAddress = unix ? { path: `${path}t` } : { port };
  const proxy = await new FaultProxy({ listen: unix ? { path: `${path}p` } : { port: 0 }, target, random }).start();
  const near = unix ? { path: `${path}p` } : { host: 'localhost', port: proxy.port ?? 0 };
  const codec = { messagepack, compress, handshake };
  const theirs = new RemoteEnd(real);
  let neverSettled = 0;
  const watched = (call: Promise<unknown>): void => {
    neverSettled += 1;
    call.then(
      () => (neverSettled -= 1),
      () => (neverSettled -= 1),
    );
  };
  const newClient = (): Client => {
    const client = new Client({ ...near, ...interopTls('client', security), ...codec, ...timing, random: eager });
    client.on('error', () => {});
    return client.handle((data) => data);
  };
  let server: Server | undefined;
  let client: Client | undefined;
  if (weServe) {
    server = await new Server({
      ...(unix ? { path: `${path}t` } : { port }),
      ...interopTls('server', security),
      ...timing,
    }).start();
    server.on('error', () => {});
    server.handle((data) => data);
    await theirs.make('client', { ...near, ...codec, retries: 100 }, security);
    await theirs.call('connect', 'hello');
  } else {
    await theirs.make('server', unix ? { path: `${path}t` } : { port, listenOptions: { host: '127.0.0.1' } }, security);
    await theirs.call('start');
    client = await newClient().connect('hello');
  }
  let sent = 0;
  const talking = setInterval(() => {
    for (let some = 0; some < 5; some++) {
      const message = { number: sent++, text: 'x'.repeat(random.between(0, 400)) };
      if (client !== undefined) watched(client.send(message));
      if (server !== undefined) watched(server.broadcast(message));
    }
    if (client !== undefined) watched(client.request('x', 2_000));
    if (server !== undefined) watched(server.survey('x', 2_000));
  }, 2);
  for (let fault = 0; fault < faults; fault++) {
    await sleep(random.between(20, 60));
    proxy.apply(menu(random));
    await sleep(random.between(5, 60));
    if (random.chance(0.6)) proxy.reset();
    proxy.heal();
  }
  clearInterval(talking);
  for (const end = performance.now() + 10_000; neverSettled > 0 && performance.now() < end; ) await sleep(10);
  const tally = new Tally();
  for (const [message] of theirs.all('message')) tally.note((message as { number: number }).number);
  client?.destroy();
  const works = await talks(newClient());
  await theirs.drop();
  await proxy.close();
  await server?.close();
  const { taken: arrived, doubled, outOfOrder } = tally;
  return { faults, sent, arrived, doubled, outOfOrder, neverSettled, works };
}

/** Whether a client gets an answer at the same server. */
async function talks(client: Client): Promise<boolean> {
  try {
    await client.connect('after it all');
    return (await client.request('still there?', 2_000)) !== undefined;
  } catch {
    return false;
  } finally {
    client.destroy();
  }
}
