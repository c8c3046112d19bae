import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Server } from '../../lib/index.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { remote } from '../../lib/plugins/rpc/index.ts';
import { waitedForCoreMs } from '../support/stopwatch.ts';

/** What a flood did to its victim. */
export interface Harm {
  /** MiB that it had more resident at most, since it was looked at last. */
  readonly memory: number;
  /** How long the event loop was held at most, without the time in which other work had the cores. */
  readonly heldMs: number;
  readonly descriptors: number;
  readonly connections: number;
}

/** A server of all defaults with plugins, in a process of its own; its parent asks how it is. */
const [path = ''] = process.argv.slice(2);
const server = new Server({ path });
server.on('error', () => {});
server.handle((data) => data);
remote(server, {
  echo: (value: unknown) => value,
  large: () => Buffer.alloc(1_048_576),
  later: () => new Promise((resolve) => setTimeout(resolve, 5, Buffer.alloc(1_048_576))),
});
server.use(channels());

function resident(field: 'VmHWM' | 'VmRSS'): number {
  const found = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1] ?? 0) / 1_024;
}

const tickMs = 5;
let heldMs = 0;
let last = performance.now();
let waited = waitedForCoreMs();
setInterval(() => {
  const now = performance.now();
  const waitedNow = waitedForCoreMs();
  heldMs = Math.max(heldMs, now - last - tickMs - (waitedNow - waited));
  last = now;
  waited = waitedNow;
}, tickMs);

let before = 0;
process.on('message', (question) => {
  if (question === 'end') process.exit(0);
  const memory = resident('VmHWM') - before;
  const descriptors = readdirSync('/proc/self/fd').length;
  process.send?.({ memory, heldMs, descriptors, connections: server.connections.length } satisfies Harm);
  // The most that was resident counts from here on.
  globalThis.gc?.();
  writeFileSync('/proc/self/clear_refs', '5');
  before = resident('VmRSS');
  heldMs = 0;
  last = performance.now();
  waited = waitedForCoreMs();
});

await server.start();
process.send?.('ready');
