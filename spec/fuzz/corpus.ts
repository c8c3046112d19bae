import type { Encoder } from '../../lib/wire/dialect.ts';
import { createDeflater } from '../../lib/wire/fast-zlib.ts';
import { NativeEncoder } from '../../lib/wire/native/encoder.ts';
import { BlockWriter } from '../../lib/wire/compression.ts';
import { NetIpcEncoder } from '../../lib/wire/net-ipc/net-ipc-encoder.ts';
import { ClientHandshake } from '../../lib/wire/handshake/client-handshake.ts';
import { acceptHello, refusal } from '../../lib/wire/handshake/refusal.ts';
import { upgradeAnswer, upgradeRequest } from '../../lib/wire/handshake/upgrade.ts';
import { Slab } from '../../lib/base/slab.ts';
import { agreedContracts, valuesByContract } from './contracts.ts';
import { serverTape } from './server-tape.ts';

/** What a fuzzer changes: bytes as real ends write them. */
export interface Corpus {
  readonly native: readonly Uint8Array[];
  readonly plain: readonly Uint8Array[];
  /** With bodies by the contracts of `contracts.ts`. */
  readonly contracts: readonly Uint8Array[];
  /** Plain frames on the lanes of plugins. */
  readonly plugins: readonly Uint8Array[];
  readonly json: readonly Uint8Array[];
  readonly messagepack: readonly Uint8Array[];
  readonly deflated: readonly Uint8Array[];
  readonly records: readonly Uint8Array[];
  readonly clientHellos: readonly Uint8Array[];
  readonly serverHellos: readonly Uint8Array[];
  /** What servers write to a client with all plugins, behind their hello. */
  readonly toClient: readonly Uint8Array[];
  readonly toStranger: readonly Uint8Array[];
  readonly toClientJson: readonly Uint8Array[];
  readonly toClientMessagepack: readonly Uint8Array[];
  /** One packet each, without its length. */
  readonly toClientBodies: readonly Uint8Array[];
}

const maxFrameBytes = 1_048_576;
const values: readonly unknown[] = [
  { type: 'position', id: 7, lat: 48.2, lon: 16.37, tags: ['a', 'b'] },
  { type: 'position', id: 8, lat: 48.3, lon: 16.38, tags: [] },
  [1, -1, 2 ** 40, 1.5, true, null, 'text'],
  'a string that is long enough not to be a short one, as MessagePack has it',
  undefined,
  0,
];
const binary: readonly unknown[] = [Buffer.from('raw bytes'), new Float64Array([1, 2]), new Uint8Array(40)];

/** A few frames of every kind, in one piece. */
function session(
  encoder: Encoder,
  slab: Slab,
  bodies: readonly unknown[],
  laneNames: readonly string[],
  kept = true,
): Uint8Array {
  laneNames.forEach((name, at) => encoder.open(at + 1, name));
  bodies.forEach((body, at) => {
    encoder.message(at % (laneNames.length + 1), body, kept && at % 2 === 0);
    encoder.request(0, at + 1, body, at % 2 === 0 ? 1_000 : undefined);
    encoder.response(0, at + 1, body);
  });
  encoder.failure(0, 9, { code: 'ERR_REMOTE', message: 'it failed', details: { why: 1 } });
  encoder.cancel(0, 3);
  encoder.ping(4, 'echo');
  encoder.pong(4, 'echo');
  encoder.ack(2);
  encoder.heartbeat();
  encoder.heartbeatReply();
  encoder.pause();
  encoder.resume();
  encoder.goingAway();
  encoder.end('done', true, 'ERR_CLOSED');
  while (encoder.queue?.writeChunk() !== undefined);
  return Buffer.concat(slab.take());
}

function nativeSession(records: boolean, bodies: readonly unknown[]): Uint8Array {
  const slab = new Slab();
  const contracts = agreedContracts();
  const encoder = new NativeEncoder({ slab, records, contracts, maxFrameBytes, maxDepth: 64 });
  return session(encoder, slab, bodies, ['one', 'two']);
}

function netIpcSession(messagepack: boolean, deflate: boolean): Uint8Array {
  const slab = new Slab();
  const deflater = deflate ? createDeflater() : undefined;
  const bytes = session(new NetIpcEncoder({ slab, messagepack, deflater, maxFrameBytes }), slab, values, [], false);
  deflater?.close();
  return bytes;
}

const digest = { sha256: 'ab'.repeat(32), bytes: 7 };

/** What plugins say, right and nearly so, each on its lane. */
const said: Readonly<Record<string, readonly unknown[]>> = {
  rpc: [
    [0, 'echo', null, 1],
    [1, [0, 'later', null]],
    [4, 1],
    [5, 1, 'item'],
    [6, 1, 'ERR_REMOTE', 'no'],
    [7, 1, 8],
    [8, 1],
    [9, 0, 'hash', {}],
  ],
  channels: [
    ['list'],
    ['create', 1, 'room', {}],
    ['enter', 1, 'room', {}],
    ['publish', 'a/b', 1],
    ['subscribe', 'a/+'],
    ['unsubscribe', 'a/+'],
    [1, 0, 0, 'x'],
  ],
  gateway: [
    ['addRoute', '/x', 'GET', {}],
    ['addClients', {}],
    ['begun', 1],
    ['answer', 'id', null, Buffer.from('x')],
    ['http', 'start', []],
  ],
  dispatch: [
    { op: 'open', lease: 1, protocol: 'udp', port: 0, accept: [] },
    { op: 'credit', lease: 1, bytes: 1 },
    { op: 'release', lease: 1 },
    { op: 'close', lease: 1, device: { id: 1, address: '127.0.0.1', port: 1 } },
  ],
  interserve: [
    { op: 'ask', transfer: 1, content: { id: 'box', kind: 'bytes', size: 7, name: 'a' } },
    { op: 'ask', transfer: 2, content: { id: 'box', kind: 'string' } },
    { op: 'digest', way: 'up', transfer: 1, digest },
    { op: 'stop', way: 'up', transfer: 2, reason: 'aborted', message: 'no' },
    { op: 'stop', way: 'down', transfer: 1, reason: 'aborted', message: 'no' },
  ],
};

function pluginSession(name: string): Uint8Array {
  const slab = new Slab();
  const encoder = new NativeEncoder({ slab, records: false, maxFrameBytes, maxDepth: 64 });
  encoder.open(1, name);
  (said[name] ?? []).forEach((body, at) => {
    encoder.message(1, body, at % 2 === 0);
    encoder.request(1, at + 1, body, 1_000);
  });
  if (name === 'interserve') encoder.response(1, 1, { ok: true, receipt: { ...digest, resumed: 0 } });
  return Buffer.concat(slab.take());
}

/** The bodies of net-ipc packets. */
function bodiesOf(packets: Uint8Array): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let at = 0, length = 0; at < packets.length; ) {
    const byte = packets[at++] as number;
    length = length * 128 + (byte % 128);
    if (byte < 128) continue;
    bodies.push(packets.subarray(at, at + length));
    at += length;
    length = 0;
  }
  return bodies;
}

export async function makeCorpus(): Promise<Corpus> {
  const native = [
    nativeSession(true, values),
    nativeSession(true, values.slice(0, 2)),
    nativeSession(true, binary),
    nativeSession(true, [Buffer.alloc(70_000, 1)]),
  ];
  const records = native.slice(0, 3).map((bytes) => {
    const deflater = createDeflater();
    const written = Buffer.concat(new BlockWriter(deflater).wrap(bytes));
    deflater.close();
    return written;
  });
  const offer = { versions: [1], features: ['records', 'shared-records'], maxFrameBytes };
  const hello = { compress: true, messagepack: false, extras: { name: 'a', secret: 'b' }, id: null };
  const process = { pid: 7, start: 66_248, place: 'here' };
  const resume = { token: 'q83vASNFZ4mrze8BI0VniQ', received: 41 };
  const opening = (busbar: object): Uint8Array =>
    new ClientHandshake({ hello: { ...hello, id: 'k3', busbar: busbar as typeof offer } }).start();
  const answer = {
    version: 1,
    features: ['records', 'shared-records'],
    maxFrameBytes,
    outcome: 'resumed',
    received: 97,
    graceMs: 120_000,
  } as const;
  const accepted = acceptHello({
    id: 'k3',
    compress: false,
    messagepack: false,
    busbar: { ...answer, process, token: resume.token },
  });
  const clientHellos = [
    new ClientHandshake({ hello }).start(),
    opening({ ...offer, process }),
    opening({ ...offer, resume }),
  ];
  const toClientJson = await serverTape({ native: false }, false);
  return {
    native,
    plain: [nativeSession(false, values), nativeSession(false, binary)],
    contracts: [nativeSession(false, valuesByContract), nativeSession(false, valuesByContract.slice(0, 3))],
    plugins: [nativeSession(false, values), ...Object.keys(said).map(pluginSession)],
    json: [netIpcSession(false, false)],
    messagepack: [netIpcSession(true, false)],
    deflated: [netIpcSession(false, true), netIpcSession(true, true)],
    records,
    clientHellos: [
      ...clientHellos,
      upgradeRequest('localhost', '/'),
      Buffer.concat([upgradeRequest('h', '/'), clientHellos[1]!.subarray(3)]),
    ],
    serverHellos: [
      accepted,
      acceptHello({ id: 'k3', compress: true, messagepack: true }),
      refusal('ERR_SERVER_FULL', 'full', true),
      refusal('ERR_UNAUTHORIZED', 'no', false, hello),
      Buffer.concat([upgradeAnswer(), accepted]),
    ],
    toClient: [await serverTape({}, true), await serverTape({}, false)],
    toStranger: [await serverTape({ trusted: false }, true), await serverTape({ trusted: false }, false)],
    toClientJson: [toClientJson],
    toClientMessagepack: [await serverTape({ native: false, messagepack: true }, false)],
    toClientBodies: bodiesOf(toClientJson),
  };
}
