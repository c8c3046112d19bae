import { ChannelFrame, payloadKind } from '../../lib/plugins/channels/channel-frame.ts';
import { encodeData } from '../../lib/plugins/dispatch/bus-messages.ts';
import { stretchMessage } from '../../lib/plugins/journal/format/lane-messages.ts';
import { recordHeaderBytes, sealRecord } from '../../lib/plugins/journal/log/record.ts';
import { messageHead } from '../../lib/plugins/journal/format/message-record.ts';
import { requestBody } from '../../lib/plugins/journal/format/request-body.ts';
import { eventTypeIds } from '../../lib/plugins/gateway/gateway-event.ts';
import { FrameType } from '../../lib/wire/native/header.ts';
import { frame } from '../support/stranger.ts';
import {
  begunMiB,
  everywhere,
  type Flood,
  Floods,
  limitMiB,
  many,
  openLane,
  openMiB,
  plain,
  raw,
  text,
} from './flood.ts';

const floods = new Floods();
const add = floods.add.bind(floods);

for (const method of ['echo', 'large', 'later', 'nothing']) {
  const make = (turn: number): Buffer => frame(FrameType.request, plain, 1, turn, text([0, method, null]));
  for (const entry of everywhere) {
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
  for (const entry of everywhere) {
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
  for (const entry of everywhere) {
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
/** An id of 22 characters. */
const idOf = (turn: number): string => Buffer.from(String(turn).padStart(16, '0')).toString('base64url');
const ownId = idOf(0);
function recordOf(sequence: number, body: Uint8Array): Buffer {
  const content = Buffer.concat([messageHead(0), body]);
  const record = Buffer.concat([Buffer.alloc(recordHeaderBytes), content]);
  sealRecord(record, 0, content.length, sequence);
  return record;
}
/** Whole records behind those before; the receiver has the journal open, or not. */
const stretchOf = (turn: number, body: Uint8Array): Uint8Array =>
  stretchMessage({ journal: ownId, follows: 0 }, recordOf(turn, body));
/** With so much behind it that it is open when what follows is read. */
const openJournal = (): Buffer => {
  const id = idOf(1 + Math.floor(Math.random() * 2 ** 40));
  const opened = frame(FrameType.request, plain, 1, 1, text([id, [[ownId, 0]]]));
  const got = frame(FrameType.message, plain, 1, 0, text(['got', 'x'.repeat(1_000)]));
  return Buffer.concat([openLane('journal'), opened, ...Array.from({ length: 150 }, () => got)]);
};
messages('journal', 'opening', (turn) => [idOf(turn), [[ownId, turn]]], FrameType.request);
messages(
  'journal',
  'opening of many',
  (turn) => [ownId, Array.from({ length: 256 }, (_, at) => [idOf(turn * 256 + at), at])],
  FrameType.request,
);
messages('journal', 'ask', (turn) => ['ask', [[`=${turn}`, ownId]]], FrameType.request);
for (const word of ['heard', 'leave', 'who', 'other']) messages('journal', word, () => word, FrameType.request);
messages('journal', 'acknowledged', (turn) => [ownId, turn]);
messages('journal', 'closed', (turn) => ['closed', `${turn}`]);
messages('journal', 'got', (turn) => ['got', `#${ownId}.${turn}`]);
messages('journal', 'answer', (turn) => ['answer', `=${turn}`, ownId, false, Buffer.from('x')]);
bytesOn('journal', 'records that are not opened', (turn) => stretchOf(turn, text('x')));
bytesOn('journal', 'damaged records', (turn) => stretchMessage({ journal: ownId, follows: 0 }, Buffer.alloc(20, turn)));
for (const [name, bodyOf] of Object.entries({
  messages: () => text('x'),
  'what is no message': () => Buffer.from([0xc1, 0xff, 0xff]),
  requests: (turn: number) => requestBody({ key: `${turn}`, data: text('x') }),
  'one request': () => requestBody({ key: 'x', data: text('x') }),
})) {
  for (const entry of everywhere) {
    const make = (turn: number): Buffer =>
      frame(FrameType.message, raw, 1, 0, Buffer.concat([Buffer.from([0]), stretchOf(turn, bodyOf(turn))]));
    const usual = entry === 'unix';
    add(`journal: ${name}`, (bytes) => many(bytes, make, openJournal()), { entry, limitMiB: openMiB, usual });
  }
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
/** Who offers a service by keys and answers nothing: the hub waits for it. */
const member = (): Buffer =>
  Buffer.concat([
    openLane('services'),
    frame(FrameType.request, plain, 1, 1, text([0, 'join', null, null, null, false, [['own', 'keys', 1]]])),
  ]);
const words: Readonly<Record<string, (turn: number) => readonly unknown[]>> = {
  join: (turn) => [`x${turn}`, null, false, []],
  setMeta: (turn) => [{ turn }],
  provide: (turn) => [`x${turn}`, 'calls', 1],
  withdraw: (turn) => [`x${turn}`],
  drain: () => [],
  release: (turn) => ['own', `${turn}`],
  idle: (turn) => ['own', `${turn}`, 1, 1],
  members: () => [null],
  member: (turn) => [`x${turn}`],
  watch: () => [],
};
const calls: Record<string, (turn: number) => readonly unknown[]> = {
  'calls without a member': (turn) => [1, 'x', null, `x${turn & 1_023}`, null, false],
  'calls to keys of its own': (turn) => [1, 'x', null, 'own', `${turn}`, false],
  surveys: () => [2, 'x', null, 'own', 100],
};
for (const [word, members] of Object.entries(words)) {
  calls[word] = (turn) => [0, word, null, ...members(turn)];
}
for (const entry of ['unix', 'page'] as const) {
  for (const [name, make] of Object.entries(calls)) {
    const asked = (turn: number): Buffer => frame(FrameType.request, plain, 1, turn + 1, text(make(turn)));
    const told = (turn: number): Buffer => frame(FrameType.message, plain, 1, 0, text([1, make(turn)]));
    const usual = entry === 'unix';
    add(`services: ${name}`, (bytes) => many(bytes, asked, member()), { entry, limitMiB: openMiB, usual });
    add(`services: ${name}, told`, (bytes) => many(bytes, told, member()), { entry, limitMiB: openMiB, usual: false });
  }
}
const entryOf = (turn: number): object => ({
  ...{ id: `x${turn}`, name: `x${turn}`, services: [], meta: null, state: 'up', since: 1 },
});
const ofHubs: Readonly<Record<string, (turn: number) => readonly unknown[]>> = {
  open: (turn) => ['own', `${turn}`, 1, null],
  close: (turn) => ['own', `${turn}`, 1],
  lost: (turn) => ['own', `${turn}`, 1],
  replaced: () => [],
  presence: (turn) => ['join', entryOf(turn), null],
  caller: (turn) => [entryOf(turn)],
  callerGone: (turn) => [`x${turn}`],
};
/** The hub lets the member in. */
const hub = (): Buffer =>
  Buffer.concat([openLane('services'), frame(FrameType.response, plain, 1, 1, text([true, 'c1']))]);
for (const [word, members] of Object.entries(ofHubs)) {
  const asked = (turn: number): Buffer =>
    frame(FrameType.request, plain, 1, turn, text([0, word, null, ...members(turn)]));
  const told = (turn: number): Buffer =>
    frame(FrameType.message, plain, 1, 0, text([1, [0, word, null, ...members(turn)]]));
  const usual = word === 'open' || word === 'caller';
  // What is opened is the program's, and stays.
  const limit = word === 'open' ? begunMiB : openMiB;
  add(`services: ${word}`, (bytes) => many(bytes, asked, hub()), { entry: 'hostile hub', limitMiB: limit, usual });
  add(`services: ${word}, told`, (bytes) => many(bytes, told, hub()), {
    entry: 'hostile hub',
    limitMiB: openMiB,
    usual: false,
  });
}
add(
  'services: calls of keys',
  (bytes) =>
    many(
      bytes,
      (turn) => frame(FrameType.request, plain, 1, turn, text([1, 'later', null, 'own', 'c1', `${turn}`, 1])),
      hub(),
    ),
  { entry: 'hostile hub', limitMiB: openMiB },
);
for (const [name, command] of Object.entries({ create: 0, enter: 1, leave: 2, remove: 3, send: 4, broadcast: 64 })) {
  const make = (turn: number): Buffer => Buffer.from([0, command, turn & 255, 2, 97 + (turn % 26), 98]);
  add(`joint: ${name}`, (bytes) => many(bytes, make), { entry: 'joint' });
}

/** Floods of what plugins tell and ask each other. */
export const pluginFloods: readonly Flood[] = floods.all;
