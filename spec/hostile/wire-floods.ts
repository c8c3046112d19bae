import { createDeflater } from '../../lib/wire/fast-zlib.ts';
import { Flag, FrameType } from '../../lib/wire/native/header.ts';
import { frame, packet } from '../support/stranger.ts';
import { frame as webFrame } from '../plugins/gateway/websocket-client.ts';
import {
  bodyMiB,
  cut,
  deflatedRecords,
  everywhere,
  type Flood,
  Floods,
  many,
  more,
  openLane,
  plain,
  raw,
  text,
} from './flood.ts';

const floods = new Floods();
const add = floods.add.bind(floods);

for (const [name, type] of Object.entries(FrameType)) {
  const small = (turn: number): Buffer => frame(type, 0, 0, turn);
  const short = (turn: number): Buffer => frame(type, plain, 0, turn, text('x'.repeat(20)));
  add(`${name}, empty`, (bytes) => many(bytes, small));
  add(`${name}, a text`, (bytes) => many(bytes, short), { usual: false });
  for (const entry of ['tcp', 'tls', 'page'] as const) {
    add(`${name}, empty`, (bytes) => many(bytes, small), { entry, usual: name === 'message' && entry !== 'tcp' });
  }
  add(`${name}, a text`, (bytes) => many(bytes, short), { entry: 'hostile server', usual: name === 'request' });
  add(`${name}, empty`, (bytes) => many(bytes, small), { entry: 'hostile server', usual: false });
  const deflated = (bytes: number): Buffer => deflatedRecords(many(bytes * 4, small));
  add(`${name}, empty`, deflated, { entry: 'native deflate', usual: name === 'message' });
  const half = (turn: number): Buffer => frame(type, raw | more, turn & 0xffff, turn, '0');
  add(`${name}, on lanes nobody opened`, (bytes) => many(bytes, half), { usual: false });
  for (const lane of ['rpc', 'channels', 'interserve', 'gateway', 'dispatch', 'services', 'nobody']) {
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
    for (const entry of everywhere) {
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
  for (const entry of everywhere) {
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
  for (const entry of [...everywhere, 'native deflate'] as const) {
    const written = entry === 'native deflate' ? () => deflatedRecords(bodies()) : bodies;
    const usual = entry === 'unix' || (entry === 'native deflate' && name === 'texts');
    add(`message of ${name}`, written, { entry, usual, limitMiB: bodyMiB });
  }
}
for (const [name, unit, count] of [
  ['numbers', '1,', 1_200_000],
  ['maps', '{"a":1},', 195_000],
] as const) {
  for (const entry of ['net-ipc', 'net-ipc deflate', 'hostile net-ipc server'] as const) {
    const make = (): Buffer => {
      const json = Buffer.from(`{"t":1,"d":[${unit.repeat(count)}1]}`);
      const deflater = entry === 'net-ipc deflate' ? createDeflater() : undefined;
      const made = packet(deflater === undefined ? json : Buffer.from(deflater.process(json)));
      deflater?.close();
      return made;
    };
    add(`packet of ${name}`, make, { entry, limitMiB: bodyMiB });
  }
}
for (let type = 0; type < 9; type++) {
  for (const entry of ['net-ipc', 'net-ipc deflate', 'hostile net-ipc server'] as const) {
    add(
      `packet of type ${type}`,
      (bytes) => {
        const deflater = entry === 'net-ipc deflate' ? createDeflater() : undefined;
        const make = (turn: number): Buffer => {
          const json = Buffer.from(JSON.stringify({ t: type, n: turn.toString(36), d: 'x'.repeat(20) }));
          return packet(deflater === undefined ? json : Buffer.from(deflater.process(json)));
        };
        const made = many(entry === 'net-ipc deflate' ? bytes / 4 : bytes, make);
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

const webBytes = frame(FrameType.message, plain, 0, 0, text('x'.repeat(20)));
/** Frames of WebSockets: data, text, and what browsers never send of themselves. */
const ofWebSockets: Readonly<Record<string, (turn: number) => Buffer>> = {
  'a byte each': (turn) => webFrame(2, webBytes.subarray(turn % webBytes.length, (turn % webBytes.length) + 1)),
  empty: () => webFrame(2, ''),
  'in parts that are empty': (turn) => webFrame(turn === 0 ? 2 : 0, '', { fin: false }),
  pings: () => webFrame(9, 'x'.repeat(100)),
  pongs: () => webFrame(10, ''),
};
for (const [name, make] of Object.entries(ofWebSockets)) {
  add(`WebSocket messages, ${name}`, (bytes) => many(bytes, (turn) => make(turn - 1)), {
    entry: 'page, bytes of WebSocket',
  });
}

/** Floods of frames, bodies and packets. */
export const wireFloods: readonly Flood[] = floods.all;
