import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Client, Server } from 'busbar';
import { channels } from 'busbar/channels';
import { dispatch } from 'busbar/dispatch';
import { gateway } from 'busbar/gateway';
import { interserve } from 'busbar/interserve';
import { journal } from 'busbar/journal';
import { remote } from 'busbar/rpc';
import { services } from 'busbar/services';
import { certificate } from '../support/certificate.ts';
import { workwatch } from '../support/stopwatch.ts';

/** What a flood did to its victim. */
export interface Harm {
  /** MiB that it had more resident at most, since it was looked at last. */
  readonly memory: number;
  /** How long the event loop was held at most, without the time in which other work had the cores. */
  readonly heldMs: number;
  readonly descriptors: number;
  readonly connections: number;
  /** How long its threads waited for a core, in all: what the machine, not the flood, may have made longer. */
  readonly waitedMs: number;
  /** How many errors it was told of. */
  readonly errors: number;
}

/** Where a server listens beside its path. */
export interface Ports {
  readonly port: number;
  readonly tlsPort: number;
  readonly pagePort: number;
  readonly jointPort: number;
}

/** A server of all defaults with all plugins, a client, or a member of services, in a process of its own; its parent asks how it is. */
const [role, path = ''] = process.argv.slice(2);
/** One for all calls: what methods allocate is theirs, and not what the bus keeps of it. */
const block = Buffer.alloc(65_536);
let laterCalls = 0;
const methods = {
  echo: (value: unknown) => value,
  large: () => Buffer.alloc(1_048_576),
  later: () => new Promise((resolve) => setTimeout(() => resolve(block), 5 + (laterCalls++ % 16))),
};
let errors = 0;
const failed = (): number => (errors += 1);

async function serve(): Promise<() => number> {
  const server = new Server({ path, journal: journal(`${path}.journal`) });
  const overTcp = new Server({ port: 0, journal: journal(`${path}.tcp`) });
  const overTls = new Server({ port: 0, tls: certificate, journal: journal(`${path}.tls`) });
  server.use(interserve({ iport: 0 }));
  const web = server.use(gateway({ browser: { port: 0 } }));
  server.use(services());
  server.use(dispatch());
  let jointPort: number | undefined;
  for (const each of [server, overTcp, overTls]) {
    each.on('error', failed);
    each.on('message', () => {});
    each.handle((data) => answer(each, data));
    remote(each, methods);
    const rooms = each.use(channels(each === server ? { joint: { port: 0 } } : {}));
    await each.start();
    if (each === server) jointPort = rooms.jointPort;
  }
  const ports = { port: overTcp.port, tlsPort: overTls.port, pagePort: web.browser?.port, jointPort };
  process.send?.(ports satisfies { readonly [name in keyof Ports]: number | undefined });
  return () => server.connections.length + overTcp.connections.length + overTls.connections.length;
}

/** An echo; and what is to be told to all, or asked of all, is. */
async function answer(server: Server, data: unknown): Promise<unknown> {
  if (typeof data === 'object' && data !== null && 'tell' in data) void server.broadcast(data.tell);
  if (typeof data === 'object' && data !== null && 'ask' in data) await server.survey(data.ask, { timeout: 100 });
  return data;
}

async function visit(): Promise<() => number> {
  const client = new Client({ path, journal: journal(`${path}.${process.pid}`) });
  client.on('error', failed);
  client.on('message', () => {});
  if (role === 'member') {
    const mine = client.use(services());
    mine.own('own', { open: () => ({ later: methods.later }) });
    process.send?.({});
    void client.connect().catch(failed);
    return () => 0;
  }
  client.handle((data) => data);
  remote(client, methods);
  client.use(channels());
  client.use(interserve());
  client.use(gateway());
  client.use(dispatch());
  // It asks for answers, and for what the server has of its journal.
  void client.request('asked', { durable: true, timeout: 0 }).catch(failed);
  process.send?.({});
  void client.connect().catch(failed);
  return () => 0;
}

function resident(field: 'VmHWM' | 'VmRSS'): number {
  const found = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1] ?? 0) / 1_024;
}

/** What all threads waited for a core: the collector's too, for which the loop waits. */
function waitedInAll(): number {
  const threads = readdirSync('/proc/self/task').map((thread) => {
    try {
      return Number(readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ')[1]) / 1_000_000;
    } catch {
      return 0;
    }
  });
  return threads.reduce((sum, ms) => sum + ms, 0);
}

const tickMs = 5;
let heldMs = 0;
let turnMs = workwatch();
let allWaited = waitedInAll();
setInterval(() => {
  heldMs = Math.max(heldMs, turnMs());
  turnMs = workwatch();
}, tickMs);

const count = await (role === 'server' ? serve() : visit());
let before = 0;
// It must not outlive a suite that is killed.
process.on('disconnect', () => process.exit());
process.on('message', (what) => {
  const memory = resident('VmHWM') - before;
  const descriptors = readdirSync('/proc/self/fd').length;
  const waitedMs = Math.max(0, waitedInAll() - allWaited);
  process.send?.({ memory, heldMs, descriptors, connections: count(), waitedMs, errors } satisfies Harm);
  if (what !== 'begin') return;
  // The most that was resident counts from here on.
  globalThis.gc?.();
  writeFileSync('/proc/self/clear_refs', '5');
  before = resident('VmRSS');
  heldMs = 0;
  errors = 0;
  turnMs = workwatch();
  allWaited = waitedInAll();
});
