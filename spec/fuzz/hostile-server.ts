import { BusError } from '../../lib/base/errors.ts';
import { SeededRandom } from '../../lib/testing/seeded-random.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import { createDeflater } from '../../lib/wire/fast-zlib.ts';
import { acceptHello } from '../../lib/wire/handshake/refusal.ts';
import type { ServerHello } from '../../lib/wire/handshake/hello.ts';
import { BlockWriter } from '../../lib/wire/compression.ts';
import { packet } from '../support/stranger.ts';
import { pieces } from './mutate.ts';
import { OneWayLink, turn } from './one-way-link.ts';
import type { TapeTerms } from './server-tape.ts';
import { Visitor } from './visitor.ts';

type Outcome = ServerHello['busbar'] & object;

/** What a client may say of what its server sends; anything else is a fault of its own. */
const faults: ReadonlySet<string> = new Set([
  ...['ERR_PROTOCOL', 'ERR_TOO_LARGE', 'ERR_CONNECT', 'ERR_CLOSED', 'ERR_DESTROYED', 'ERR_SESSION_LOST'],
  // Of plugins, which go on.
  ...['ERR_NO_METHOD', 'ERR_CONTRACT', 'ERR_CHANNEL', 'ERR_QUEUE_FULL', 'ERR_PEER_LACKS_FEATURE'],
]);

/** The features both ends have, as the server says. */
const shared = ['withdrawn', 'handled'];

function hello(terms: TapeTerms, random: SeededRandom, outcome: Outcome['outcome']): Uint8Array {
  const { native = true, trusted = true, messagepack = false, compress = false } = terms;
  const features = trusted ? ['records', 'shared-records', ...shared] : shared;
  const offer = {
    version: 1,
    features,
    maxFrameBytes: 262_144,
    outcome,
    graceMs: 1_000,
    token: 'q83vASNFZ4mrze8BI0VniQ',
  };
  const received = random.between(0, 40);
  const plain = { id: 'k3', compress, messagepack };
  return acceptHello(
    native ? { ...plain, busbar: { ...offer, received: outcome === 'resumed' ? received : 0 } } : plain,
  );
}

/** `bytes` as they travel on a link of these terms. */
function written(bytes: Uint8Array, { native = true, compress = false }: TapeTerms): Uint8Array {
  if (!compress) return bytes;
  const deflater = createDeflater();
  try {
    if (native) return Buffer.concat(new BlockWriter(deflater).wrap(bytes));
    return Buffer.concat([bytes, bytes].map((body) => packet(Buffer.from(deflater.process(body)))));
  } finally {
    deflater.close();
  }
}

/**
 * A client with all plugins, which asked for much, gets `bytes` behind the hello of its server, some of them over a second
 * link: it takes them, or gives the link up, and nothing that it asked for waits once it is destroyed.
 */
export function hostileServer(terms: TapeTerms): (bytes: Uint8Array, random: SeededRandom) => Promise<void> {
  return async (bytes, random) => {
    const clock = new VirtualClock();
    const links: OneWayLink[] = [];
    const dial = (): Promise<OneWayLink> => {
      const link = new OneWayLink('memory', '/dev/null/bus');
      links.push(link);
      return Promise.resolve(link);
    };
    const open = (): OneWayLink['events'] => links.at(-1)?.events;
    const options = { path: '/dev/null/bus', clock, random, maxMessageBytes: 262_144, maxRetryTime: 100, ...terms };
    const visitor = new Visitor(options, () => dial);
    let refused: BusError | undefined;
    visitor.client.on('error', (error) => {
      if (error.code === 'ERR_PROTOCOL' || error.code === 'ERR_TOO_LARGE') refused ??= error;
      if (!faults.has(error.code)) visitor.wrong ??= error;
    });
    await turn(clock);
    open()?.data(hello(terms, random, 'fresh'));
    await turn(clock);
    visitor.ask(random.pick(['few', 'few', 'most', 'all']));
    if (random.chance(0.9)) await turn(clock);
    for (const piece of pieces(written(bytes, terms), random)) {
      if (open() === undefined) {
        clock.advance(200);
        await turn(clock);
        open()?.data(hello(terms, random, random.pick(['fresh', 'lost', 'resumed'])));
        await turn(clock);
      }
      open()?.data(piece);
      await turn(clock);
      if (random.chance(0.1)) links.at(-1)?.destroy();
    }
    clock.advance(random.between(0, 100));
    await turn(clock);
    await visitor.leave(async (ms) => {
      clock.advance(ms);
      await turn(clock);
    });
    // A rejection that nobody took is told on a later turn of the event loop, as is the end of a request over HTTP.
    await new Promise(setImmediate);
    if (clock.pending > 0) clock.advance(60_000);
    await turn(clock);
    if (clock.pending > 0) visitor.wrong ??= new Error(`${clock.pending} timers are left`);
    if (visitor.wrong !== undefined)
      throw new Error(`the client went wrong: ${String(visitor.wrong)}`, { cause: visitor.wrong });
    if (refused !== undefined) throw refused;
  };
}
