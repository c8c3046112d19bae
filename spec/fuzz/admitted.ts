import type { BusError } from '../../lib/base/errors.ts';
import { definePlugin, Server } from '../../lib/index.ts';
import { channels } from '../../lib/plugins/channels/index.ts';
import { dispatch } from '../../lib/plugins/dispatch/index.ts';
import { gateway } from '../../lib/plugins/gateway/index.ts';
import { remote } from '../../lib/plugins/rpc/index.ts';
import { MemoryNetwork } from '../../lib/testing/index.ts';
import type { SeededRandom } from '../../lib/testing/seeded-random.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import type { Link, LinkEvents } from '../../lib/transport/link.ts';
import { hello, offer } from '../support/stranger.ts';
import { pieces } from './mutate.ts';

/** The other end of it is the fuzzer, which reads nothing. */
class OneWayLink implements Link {
  readonly kind = 'tcp';
  readonly remote = '127.0.0.1';
  readonly trusted = false;
  readonly socket = undefined;
  readonly bufferedBytes = 0;
  events: LinkEvents | undefined;

  attach(events: LinkEvents): void {
    this.events = events;
  }

  write(): boolean {
    return true;
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.destroy();
  }

  destroy(): void {
    const { events } = this;
    this.events = undefined;
    events?.close();
  }

  release(): undefined {
    return undefined;
  }
}

/** What a server may say of bytes that somebody admitted sends; anything else is a fault of its own. */
const faults: ReadonlySet<string> = new Set([
  ...['ERR_PROTOCOL', 'ERR_TOO_LARGE', 'ERR_NO_METHOD', 'ERR_CONTRACT', 'ERR_INVALID_ARGUMENT'],
  ...['ERR_QUEUE_FULL', 'ERR_CLOSED', 'ERR_SESSION_LOST', 'ERR_STATE', 'ERR_REFUSED', 'ERR_UNAUTHORIZED'],
]);
/** Sessions that were left end before the next execution. */
const graceMs = 200_000;

let wrong: BusError | undefined;

/** One server for all executions, in memory, with the plugins that open no port by themselves. */
const clock = new VirtualClock();
const server = new Server({ url: 'memory:fuzz', network: new MemoryNetwork(), clock });
server.on('error', (error) => {
  if (!faults.has(error.code)) wrong ??= error;
});
server.handle((data) => data);
remote(server, { echo: (value: unknown) => value, later: () => Promise.resolve(1) });
server.use(channels());
server.use(gateway());
server.use(dispatch({ allow: () => false }));
const door = definePlugin<(link: Link) => void, undefined>({
  name: 'door',
  server: (host) => ({ api: (link) => host.acceptLink(link) }),
  client: () => ({ api: undefined }),
});
const arrive = server.use(door);
await server.start();

/** A client that was admitted sends `bytes` behind its hello; whatever it does, the server reports no fault of its own. */
export function admitted(bytes: Uint8Array, random: SeededRandom): void {
  const link = new OneWayLink();
  arrive(link);
  link.events?.data(hello({ busbar: offer }));
  for (const piece of pieces(bytes, random)) link.events?.data(piece);
  clock.advance(random.between(0, 100));
  link.destroy();
  clock.advance(graceMs);
  const error = wrong;
  wrong = undefined;
  if (error !== undefined) throw new Error(`the server reported ${error.code}`, { cause: error });
}
