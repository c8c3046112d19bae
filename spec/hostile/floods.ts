import { pack } from 'msgpackr';
import { createDeflater } from '../../lib/wire/fast-zlib.ts';
import { ChannelFrame, payloadKind } from '../../lib/plugins/channels/channel-frame.ts';
import { encodeData } from '../../lib/plugins/dispatch/bus-messages.ts';
import { eventTypeIds } from '../../lib/plugins/gateway/gateway-event.ts';
import { Flag, FrameType } from '../../lib/wire/native/header.ts';
import { BlockWriter } from '../../lib/wire/compression.ts';
import { frame, packet } from '../support/stranger.ts';

/** How the peer that floods comes in. */
export type Entry = 'unix' | 'tcp' | 'native deflate' | 'net-ipc' | 'net-ipc deflate' | 'joint' | 'hostile server';

export interface Flood {
  readonly name: string;
  readonly entry: Entry;
  /** What it may have kept by what `docs/options.md` says, in MiB. */
  readonly limitMiB: number;
  /** In the part that `npm test` runs. */
  readonly usual: boolean;
  make(bytes: number): Buffer;
}

/** 16 MiB of answers that are not taken and as much again that was asked for. */
const limitMiB = 32;
/** Answers to what was begun before may take four times as much. */
const begunMiB = 64 + 16;
/** As many requests as may be open, each with what a plugin keeps to answer it, beside that. */
const openMiB = limitMiB + 32;
/** Two bodies of 16 MiB, with their values. */
const bodyMiB = 64;
const plain = 2;
const raw = 3;
const more = 4;

const text = (value: unknown): Buffer => Buffer.from(pack(value));
const openLane = (name: string): Buffer => frame(FrameType.open, plain, 1, 0, text(name));

/** As many of what `make` makes as fill `bytes`, behind `head`. */
function many(bytes: number, make: (turn: number) => Buffer, head: Buffer = Buffer.alloc(0)): Buffer {
  const parts = [head];
  for (let size = 0, turn = 1; size < bytes; turn++) {
    const part = make(turn);
    parts.push(part);
    size += part.length;
  }
  return Buffer.concat(parts);
}

/** A body in as many frames as it takes. */
function cut(type: number, encoding: number, lane: number, id: number, body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += 65_536) {
    const isLast = at + 65_536 >= body.length;
    parts.push(frame(type, encoding | (isLast ? 0 : more), lane, id, body.subarray(at, at + 65_536)));
  }
  return Buffer.concat(parts);
}

function deflatedRecords(bytes: Buffer): Buffer {
  const deflater = createDeflater();
  const records = Buffer.concat(new BlockWriter(deflater).wrap(bytes));
  deflater.close();
  return records;
}

const all: Flood[] = [];
function add(name: string, make: Flood['make'], given: Partial<Flood> = {}): void {
  all.push({ name, entry: 'unix', limitMiB, usual: true, make, ...given });
}

for (const [name, type] of Object.entries(FrameType)) {
  const small = (turn: number): Buffer => frame(type, 0, 0, turn);
  const short = (turn: number): Buffer => frame(type, plain, 0, turn, text('x'.repeat(20)));
  add(`${name}, empty`, (bytes) => many(bytes, small));
  add(`${name}, a text`, (bytes) => many(bytes, short), { usual: false });
  add(`${name}, empty`, (bytes) => many(bytes, small), { entry: 'tcp', usual: false });
  add(`${name}, a text`, (bytes) => many(bytes, short), { entry: 'hostile server', usual: name === 'request' });
  add(`${name}, empty`, (bytes) => many(bytes, small), { entry: 'hostile server', usual: false });
  const deflated = (bytes: number): Buffer => deflatedRecords(many(bytes * 4, small));
  add(`${name}, empty`, deflated, { entry: 'native deflate', usual: name === 'message' });
  const half = (turn: number): Buffer => frame(type, raw | more, turn & 0xffff, turn, '0');
  add(`${name}, on lanes nobody opened`, (bytes) => many(bytes, half), { usual: false });
  for (const lane of ['rpc', 'channels', 'interserve', 'gateway', 'dispatch', 'nobody']) {
    const make = (turn: number): Buffer => frame(type, plain, 1, turn, text([turn & 15, turn, 'x']));
    add(`${name}, lane of ${lane}`, (bytes) => many(bytes, make, openLane(lane)), {
      usual: name === 'message' || (name === 'request' && lane !== 'nobody'),
    });
    add(`${name}, lane of ${lane}`, (bytes) => many(bytes, make, openLane(lane)), {
      entry: 'hostile server',
      usual: name === 'message' && lane !== 'nobody',
    });
  }
}
for (const type of ['message', 'request', 'ping'] as const) {
  const body = Buffer.concat([Buffer.from([0]), Buffer.alloc(1_048_576)]);
  add(`${type} of a megabyte`, (bytes) => many(bytes * 10, (turn) => cut(FrameType[type], raw, 0, turn, body)));
}
for (const [name, between] of [
  ['', Buffer.alloc(0)],
  [', heartbeats between them', many(65_000, () => frame(FrameType.heartbeat, 0, 0, 0))],
] as const) {
  for (const type of ['message', 'request', 'ping'] as const) {
    const part = Buffer.concat([frame(FrameType[type], raw | more, 0, 1, '0'), between]);
    for (const entry of ['unix', 'tcp', 'hostile server'] as const) {
      add(`${type} in parts of a byte${name}`, (bytes) => many(bytes * (between.length === 0 ? 4 : 20), () => part), {
        entry,
        usual: type === 'message' && entry === 'unix',
      });
    }
  }
}
const flagged: Readonly<Record<string, (turn: number) => Buffer>> = {
  'message to be confirmed': (turn) => frame(FrameType.message, plain | Flag.confirm, 0, turn, text('x')),
  'message to be confirmed without an id': () => frame(FrameType.message, plain | Flag.confirm, 0, 0, text('x')),
  'request with a deadline': (turn) =>
    frame(FrameType.request, plain | Flag.deadline, 0, turn, Buffer.concat([Buffer.alloc(4, 1), text('x')])),
  'request whose deadline is over': (turn) =>
    frame(FrameType.request, plain | Flag.deadline, 0, turn, Buffer.concat([Buffer.alloc(4), text('x')])),
  'request that was withdrawn': (turn) => frame(FrameType.request, plain | Flag.withdrawn, 0, turn, text('x')),
  'ping that was withdrawn': (turn) => frame(FrameType.ping, plain | Flag.withdrawn, 0, turn, text('x')),
  'request and its cancellation': (turn) =>
    Buffer.concat([frame(FrameType.request, plain, 0, turn, text('x')), frame(FrameType.cancel, 0, 0, turn)]),
};
for (const [name, make] of Object.entries(flagged)) {
  for (const entry of ['unix', 'tcp', 'hostile server'] as const) {
    add(name, (bytes) => many(bytes, make), { entry, usual: entry === 'unix' });
  }
}
/** A list of `count` times the same bytes of MessagePack, about as many as may be. */
function list(count: number, ...unit: readonly number[]): Buffer {
  const head = Buffer.alloc(5, 0xdd);
  head.writeUInt32BE(count, 1);
  return Buffer.concat([head, Buffer.alloc(count * unit.length, Buffer.from(unit))]);
}

const tinyValues: Readonly<Record<string, () => Buffer>> = {
  numbers: () => list(1_500_000, 1),
  'empty maps': () => list(300_000, 0x80),
  'maps of a key': () => list(217_000, 0x81, 0xa1, 0x61, 1),
  texts: () => list(300_000, 0xbe, ...Buffer.from('a text that is of thirty bytes')),
  'binary data': () => list(90_000, 0xc4, 1, 7),
  dates: () => list(90_000, 0xd6, 0xff, 0, 0, 0, 1),
  'numbers, more than may be': () => list(16_000_000, 1),
};
// Messages alone: whoever answers such a request with as much takes as long again, and that is the program's own.
for (const [name, make] of Object.entries(tinyValues)) {
  const bodies = (): Buffer => Buffer.concat([1, 2].map(() => cut(FrameType.message, plain, 0, 0, make())));
  for (const entry of ['unix', 'tcp', 'native deflate', 'hostile server'] as const) {
    const written = entry === 'native deflate' ? () => deflatedRecords(bodies()) : bodies;
    const usual = entry === 'unix' || (entry === 'native deflate' && name === 'texts');
    add(`message of ${name}`, written, { entry, usual, limitMiB: bodyMiB });
  }
}
for (const [name, unit, count] of [
  ['numbers', '1,', 1_200_000],
  ['maps', '{"a":1},', 195_000],
] as const) {
  for (const entry of ['net-ipc', 'net-ipc deflate'] as const) {
    const make = (): Buffer => {
      const json = Buffer.from(`{"t":1,"d":[${unit.repeat(count)}1]}`);
      const deflater = entry === 'net-ipc' ? undefined : createDeflater();
      const made = packet(deflater === undefined ? json : Buffer.from(deflater.process(json)));
      deflater?.close();
      return made;
    };
    add(`packet of ${name}`, make, { entry, limitMiB: bodyMiB });
  }
}
for (const method of ['echo', 'large', 'later', 'nothing']) {
  const make = (turn: number): Buffer => frame(FrameType.request, plain, 1, turn, text([0, method, null]));
  for (const entry of ['unix', 'tcp', 'hostile server'] as const) {
    add(`rpc: calls of ${method}`, (bytes) => many(Math.min(bytes, 30_000), make, openLane('rpc')), {
      entry,
      limitMiB: method === 'large' || method === 'later' ? begunMiB : limitMiB,
      usual: entry === 'unix',
    });
  }
}

function messages(lane: string, name: string, make: (turn: number) => unknown, type: number = FrameType.message): void {
  const framed = (turn: number): Buffer =>
    frame(type, plain, 1, type === FrameType.message ? 0 : turn, text(make(turn)));
  for (const entry of ['unix', 'tcp', 'hostile server'] as const) {
    add(`${lane}: ${name}`, (bytes) => many(bytes, framed, openLane(lane)), {
      entry,
      limitMiB: type === FrameType.request ? openMiB : limitMiB,
      usual: entry === 'unix',
    });
  }
}
/** The same with binary data. */
function bytesOn(lane: string, name: string, make: (turn: number) => Uint8Array): void {
  const framed = (turn: number): Buffer =>
    frame(FrameType.message, raw, 1, 0, Buffer.concat([Buffer.from([0]), make(turn)]));
  for (const entry of ['unix', 'tcp', 'hostile server'] as const) {
    add(`${lane}: ${name}`, (bytes) => many(bytes, framed, openLane(lane)), { entry, usual: entry === 'unix' });
  }
}

for (let kind = 0; kind < 10; kind++) {
  messages('rpc', `kind ${kind}`, (turn) => [kind, turn, 'x', turn, {}]);
}
messages('rpc', 'notify of what is not there', () => [1, [0, 'missing', null]]);
for (let kind = 0; kind < 12; kind++) messages('channels', `kind ${kind}`, (turn) => [kind, turn & 255, turn, 'x']);
for (const action of ['list', 'create', 'enter', 'other']) {
  messages('channels', action, (turn) => [action, turn, `${action} ${turn}`, {}], FrameType.request);
}
for (const verb of ['publish', 'subscribe', 'unsubscribe']) {
  messages('channels', verb, (turn) => [verb, `a/b/${turn}`, 'x']);
}
const peer = { id: 'x', joint: false };
const membership = { room: 1, number: 0, maxChunkBytes: 1_000, maxPayloadBytes: 1_000 };
const ofRooms: Readonly<Record<string, (turn: number) => readonly unknown[]>> = {
  leave: (turn) => [turn],
  kick: (turn) => [turn & 255, turn & 1_023, null],
  block: (turn) => [turn & 255, turn & 1_023, null],
  unblock: (turn) => [turn & 255, 'x'],
  skip: (turn) => [turn & 255, [turn & 1_023]],
  created: (turn) => [turn, membership],
  entered: (turn) => [turn, membership, 1, peer],
  userConnect: (turn) => [turn & 255, turn & 1_023, peer],
  userDisconnect: (turn) => [turn & 255, turn & 1_023, 1],
  gone: (turn) => [turn, 1, 'x'],
  closed: (turn) => [turn, 1],
  trouble: (turn) => [turn, 20, null],
  credit: (turn) => [turn & 255, 1, 1],
  topic: (turn) => [`a/b/${turn}`, 'x'],
};
for (const [verb, members] of Object.entries(ofRooms)) messages('channels', verb, (turn) => [verb, ...members(turn)]);
for (const kind of Object.values(payloadKind)) {
  const make = (turn: number): Uint8Array =>
    new ChannelFrame(kind, turn & 255, turn & 1, false, Buffer.alloc(20)).bytes;
  bytesOn('channels', `bytes of kind ${kind}`, make);
}
for (const op of ['offer', 'ask', 'place', 'digest', 'stop']) {
  const content = { bytes: 1_000, name: 'x' };
  const members = { content, place: 'http://localhost/', way: 'up', digest: 'x', reason: 'x', message: 'x' };
  messages('interserve', `message ${op}`, (turn) => ({ op, transfer: turn, ...members }));
  messages('interserve', `request ${op}`, (turn) => ({ op, transfer: turn, ...members }), FrameType.request);
}
for (const kind of ['begun', 'took', 'answer', 'hold', 'abort']) {
  messages('gateway', kind, (turn) => [kind, kind === 'begun' ? turn : 'id', true, 'x']);
}
for (const verb of ['addRoute', 'removeRoute', 'addClients', 'removeClients', 'write', 'stream', 'http', 'websocket']) {
  messages('gateway', verb, (turn) => [verb, `/x/${turn}`, 'GET', {}], FrameType.request);
}
messages('gateway', 'expelled', () => ['expelled']);
for (const [name, type] of Object.entries(eventTypeIds)) {
  messages('gateway', `event ${name}`, (turn) => [type, `x${turn}`, Buffer.alloc(20), true]);
}
for (const op of ['open', 'release', 'close']) {
  const members = { protocol: 'udp', port: 0, accept: [], device: 'x' };
  messages('dispatch', op, (turn) => ({ op, lease: turn, ...members }), FrameType.request);
}
messages('dispatch', 'credit', (turn) => ({ op: 'credit', lease: turn, bytes: 1 }));
for (const op of ['opened', 'closed', 'ended']) {
  const members = { device: { id: 1, address: 'x', port: 1 }, code: 'X', message: 'x' };
  messages('dispatch', op, (turn) => ({ op, lease: turn, ...members }));
}
for (const type of [0, 1, 2, 3]) {
  bytesOn('dispatch', `data of type ${type}`, (turn) => encodeData(turn, type as never, 'x', turn, Buffer.alloc(20)));
}
for (let type = 0; type < 9; type++) {
  for (const entry of ['net-ipc', 'net-ipc deflate'] as const) {
    add(
      `packet of type ${type}`,
      (bytes) => {
        const deflater = entry === 'net-ipc' ? undefined : createDeflater();
        const make = (turn: number): Buffer => {
          const json = Buffer.from(JSON.stringify({ t: type, n: turn.toString(36), d: 'x'.repeat(20) }));
          return packet(deflater === undefined ? json : Buffer.from(deflater.process(json)));
        };
        const made = many(entry === 'net-ipc' ? bytes : bytes / 4, make);
        deflater?.close();
        return made;
      },
      { entry, usual: entry === 'net-ipc' || type === 1 },
    );
  }
}
add(
  'packets that inflate to 60 KiB each',
  (bytes) => {
    const deflater = createDeflater();
    const json = Buffer.from(JSON.stringify({ t: 1, d: 'x'.repeat(61_440) }));
    const made = many(Math.min(bytes, 250_000), () => packet(Buffer.from(deflater.process(json))));
    deflater.close();
    return made;
  },
  { entry: 'net-ipc deflate' },
);
for (const [name, command] of Object.entries({ create: 0, enter: 1, leave: 2, remove: 3, send: 4, broadcast: 64 })) {
  const make = (turn: number): Buffer => Buffer.from([0, command, turn & 255, 2, 97 + (turn % 26), 98]);
  add(`joint: ${name}`, (bytes) => many(bytes, make), { entry: 'joint' });
}

export const floods: readonly Flood[] = all;
