import type { BusError } from '../../lib/base/errors.ts';
import { type Connection, definePlugin, Server } from '../../lib/index.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';
import { gateway } from '../../lib/plugins/gateway/index.ts';
import { interserve } from '../../lib/plugins/interserve/index.ts';
import { journal } from '../../lib/plugins/journal/index.ts';
import { remote } from '../../lib/plugins/rpc/index.ts';
import { MemoryNetwork } from '../../lib/testing/index.ts';
import { SeededRandom } from '../../lib/testing/seeded-random.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import type { Link } from '../../lib/transport/link.ts';
import { Disk } from '../plugins/journal/disk.ts';
import { hello, offer as terms } from '../support/stranger.ts';
import { pieces } from './mutate.ts';
import { OneWayLink, turn } from './one-way-link.ts';

/** What a server may say of bytes that somebody admitted sends; anything else is a fault of its own. */
const faults: ReadonlySet<string> = new Set([
  ...['ERR_PROTOCOL', 'ERR_TOO_LARGE', 'ERR_NO_METHOD', 'ERR_CONTRACT', 'ERR_INVALID_ARGUMENT'],
  ...['ERR_QUEUE_FULL', 'ERR_CLOSED', 'ERR_SESSION_LOST', 'ERR_STATE', 'ERR_REFUSED', 'ERR_UNAUTHORIZED'],
]);
/** Sessions that were left end before the next execution. */
const graceMs = 200_000;

const opening = hello({ busbar: terms });

let wrong: BusError | undefined;

/** One server for all executions, in memory, with all plugins; interserve adopts links instead of opening a port. */
const clock = new VirtualClock();
const server = new Server({
  url: 'memory:fuzz',
  network: new MemoryNetwork(),
  clock,
  random: new SeededRandom(1),
  journal: journal('journal', { files: new Disk(new SeededRandom(2)), maxBytes: 262_144 }),
});
server.on('error', (error) => {
  if (!faults.has(error.code)) wrong ??= error;
});
server.on('message', () => {});
server.handle((data) => data);
remote(server, { echo: (value: unknown) => value, later: () => Promise.resolve(1) });
server.use(channels());
server.use(gateway());
server.use(dispatch({ allow: () => false }));
const transfers = server.use(interserve({ share: true }));
transfers.add('box');
transfers.receive('box', () => {});
let arrived: Connection | undefined;
server.on('connect', (connection) => (arrived = connection));
const door = definePlugin<(link: Link) => void, undefined>({
  name: 'door',
  server: (host) => ({ api: (link) => host.acceptLink(link) }),
  client: () => ({ api: undefined }),
});
const arrive = server.use(door);
await server.start();

/**
 * A client that was admitted sends `bytes` behind its hello, to a server that may have a transfer for it; whatever it does,
 * the server reports no fault of its own.
 */
export async function admitted(bytes: Uint8Array, random: SeededRandom): Promise<void> {
  const link = new OneWayLink();
  arrive(link);
  link.events?.data(opening);
  if (arrived !== undefined && random.chance(0.1)) offer(arrived);
  // What comes before the welcome is over is forgotten when the rest breaks the session.
  if (random.chance(0.9)) await turn(clock);
  for (const piece of pieces(bytes, random)) {
    link.events?.data(piece);
    await turn(clock);
  }
  clock.advance(random.between(0, 100));
  link.destroy();
  clock.advance(graceMs);
  await turn(clock);
  const error = wrong;
  wrong = undefined;
  if (error !== undefined) throw new Error(`the server reported ${error.code}`, { cause: error });
}

function offer(connection: Connection): void {
  transfers.send('box', 'content', connection).receipt.catch(() => {});
}
