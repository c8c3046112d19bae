import { nativeDialect, type SessionLimits } from '../../lib/session/dialect.ts';
import { SendQueues, Session } from '../../lib/session/session.ts';
import type { SessionEvents } from '../../lib/session/session-events.ts';
import type { SeededRandom } from '../../lib/testing/seeded-random.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import { createInflater } from '../../lib/wire/fast-zlib.ts';
import { NativeDecoder } from '../../lib/wire/native/decoder.ts';
import { BlockReader, blockBytes } from '../../lib/wire/compression.ts';
import { NetIpcDecoder } from '../../lib/wire/net-ipc/net-ipc-decoder.ts';
import { ClientHandshake } from '../../lib/wire/handshake/client-handshake.ts';
import { ServerHandshake } from '../../lib/wire/handshake/server-handshake.ts';
import { admitted } from './admitted.ts';
import { alterFrames, alterPackets } from './alter.ts';
import { agreedContracts } from './contracts.ts';
import type { Corpus } from './corpus.ts';
import { hostileJournal } from './hostile-journal.ts';
import { hostileServer } from './hostile-server.ts';
import { sayJournal } from './journal-words.ts';
import { pieces } from './mutate.ts';
import type { TapeTerms } from './server-tape.ts';

/** Something that takes bytes of strangers: throws a `BusError`, or not at all. */
export interface Target {
  readonly name: string;
  readonly corpus: keyof Corpus;
  /** How often it is picked, beside the others. */
  readonly weight: number;
  /** What is fed, made of the corpus; `mutate` unless given. */
  readonly change?: (corpus: readonly Uint8Array[], random: SeededRandom) => Uint8Array;
  feed(bytes: Uint8Array, random: SeededRandom): void | Promise<void>;
}

const maxFrameBytes = 262_144;
const maxDepth = 64;
const ignore = (): void => {};
const busbar = { versions: [1], features: ['records', 'shared-records', 'withdrawn', 'handled'], maxFrameBytes };
const hello = { compress: true, messagepack: true, extras: undefined, id: null, busbar };

type Feed = (bytes: Uint8Array, random: SeededRandom) => void;

function native(records: boolean, hasContracts = false): Feed {
  return (bytes, random) => {
    const contracts = hasContracts ? agreedContracts() : undefined;
    const decoder = new NativeDecoder({ records, shared: records, contracts, maxFrameBytes, maxDepth });
    for (const piece of pieces(bytes, random)) decoder.feed(piece, ignore);
  };
}

function netIpc(messagepack: boolean, deflated: boolean): Feed {
  return (bytes, random) => {
    const inflater = deflated ? createInflater(maxFrameBytes) : undefined;
    try {
      const decoder = new NetIpcDecoder({ messagepack, inflater, maxFrameBytes, maxDepth });
      for (const piece of pieces(bytes, random)) decoder.feed(piece, ignore);
    } finally {
      inflater?.close();
    }
  };
}

function opening(make: () => { feed(bytes: Uint8Array): unknown }): Feed {
  return (bytes, random) => {
    const ours = make();
    for (const piece of pieces(bytes, random)) ours.feed(piece);
  };
}

function recordLayer(bytes: Uint8Array, random: SeededRandom): void {
  const inflater = createInflater(blockBytes);
  try {
    const reader = new BlockReader(inflater);
    for (const piece of pieces(bytes, random)) reader.feed(piece, ignore);
  } finally {
    inflater.close();
  }
}

const limits: SessionLimits = {
  maxUnackedBytes: 65_536,
  maxPendingMessages: 100,
  heartbeatIntervalMs: 0,
  heartbeatTimeoutMs: 1_000,
  slowConsumerMs: 1_000,
};

/** A whole session between two links: bytes it cannot read are one call of `onLinkLost`, and never a throw. */
function session(bytes: Uint8Array, random: SeededRandom): void {
  const clock = new VirtualClock();
  const agreed = { records: true, withdraws: true, peerMaxBytes: maxFrameBytes };
  let broken = 0;
  const events: SessionEvents = {
    requests: { left: () => -1, answered: ignore, failed: ignore },
    incoming: { cancelled: ignore },
    onMessage: ignore,
    onRequest: ignore,
    onEnd: ignore,
    onGoingAway: ignore,
    settled: ignore,
    onSlow: ignore,
    onLinkLost: () => {
      broken += 1;
      ours.detach();
    },
  };
  const dialect = nativeDialect(agreed, { maxMessageBytes: maxFrameBytes, maxDepth });
  const ours = new Session(dialect, events, new SendQueues('wait'), clock, limits);
  const link = { bufferedBytes: 0, write: () => true, pause: ignore, resume: ignore };
  ours.sendNow('', { number: 1 }, true);
  ours.attach(link, 0);
  for (const piece of pieces(bytes, random)) ours.read(piece);
  if (broken > 1) throw new Error(`the link was lost ${broken} times`);
  if (ours.attached) ours.detach();
  // Pongs went out too, and the bytes may have acknowledged some of them.
  let peerReceived = 1;
  while (!ours.attach(link, peerReceived)) {
    if (peerReceived++ > bytes.length) throw new Error('the session cannot attach again');
  }
  ours.read(bytes.subarray(0, 20));
  ours.finish();
  clock.advance(10_000);
  if (clock.pending > 0) throw new Error(`${clock.pending} timers are left`);
}

export const targets: readonly Target[] = [
  { name: 'native decoder, records', corpus: 'native', weight: 20, feed: native(true) },
  { name: 'native decoder, plain', corpus: 'plain', weight: 20, feed: native(false) },
  { name: 'native decoder, contracts', corpus: 'contracts', weight: 20, feed: native(false, true) },
  { name: 'net-ipc decoder, JSON', corpus: 'json', weight: 18, feed: netIpc(false, false) },
  { name: 'net-ipc decoder, MessagePack', corpus: 'messagepack', weight: 15, feed: netIpc(true, false) },
  { name: 'net-ipc decoder, JSON, deflate', corpus: 'deflated', weight: 1, feed: netIpc(false, true) },
  { name: 'net-ipc decoder, MessagePack, deflate', corpus: 'deflated', weight: 1, feed: netIpc(true, true) },
  { name: 'record layer', corpus: 'records', weight: 2, feed: recordLayer },
  { name: 'client opening', corpus: 'serverHellos', weight: 12, feed: opening(() => new ClientHandshake({ hello })) },
  {
    name: 'client opening through an upgrade',
    corpus: 'serverHellos',
    weight: 6,
    feed: opening(() => new ClientHandshake({ hello, http: { host: 'localhost', path: '/' } })),
  },
  { name: 'server opening', corpus: 'clientHellos', weight: 20, feed: opening(() => new ServerHandshake()) },
  { name: 'session', corpus: 'native', weight: 10, feed: session },
  { name: 'admitted client', corpus: 'plugins', weight: 2, feed: admitted },
  { name: 'admitted client with a journal', corpus: 'plugins', weight: 1, change: sayJournal, feed: admitted },
];

/** Each plays a server to a client with all plugins. */
export const hostileServers: readonly Target[] = [
  toClient('toClient', 'records', {}),
  toClient('toStranger', 'plain', { trusted: false }),
  toClient('toClient', 'records, deflate', { compress: true }),
  { ...toClient('toStranger', 'changed frames', {}), weight: 3, change: alterFrames },
  { ...toClient('toStranger', 'changed frames, deflate', { trusted: false, compress: true }), change: alterFrames },
  toClient('toClientJson', 'net-ipc, JSON', { native: false }),
  toClient('toClientMessagepack', 'net-ipc, MessagePack', { native: false, messagepack: true }),
  toClient('toClientBodies', 'net-ipc, JSON, deflate', { native: false, compress: true }),
  {
    ...toClient('toClientBodies', 'net-ipc, changed packets', { native: false }),
    weight: 2,
    change: alterPackets(false),
  },
  {
    ...toClient('toClientBodies', 'net-ipc, changed packets, MessagePack', { native: false, messagepack: true }),
    weight: 2,
    change: alterPackets(true),
  },
  { name: 'hostile server, journal', corpus: 'plain', weight: 1, feed: hostileJournal },
];

function toClient(corpus: keyof Corpus, name: string, terms: TapeTerms): Target {
  return { name: `hostile server, ${name}`, corpus, weight: 1, feed: hostileServer(terms) };
}
