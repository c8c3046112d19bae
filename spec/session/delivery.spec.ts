import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { Backlog } from '../../lib/session/backlog.ts';
import { Delivery } from '../../lib/session/delivery.ts';
import type { SessionEvents } from '../../lib/session/session-events.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import type { EndFrame, MessageFrame, RequestFrame } from '../../lib/wire/frames.ts';

const maxBytes = 100_000;

describe('delivery', () => {
  let clock: VirtualClock;
  let heard: string[];
  /** Windows of answers that the peer has not taken. */
  let owed: number;
  let sequence: number;
  let onFrame: (text: string) => void;
  let delivery: Delivery;
  let backlog: Backlog;

  beforeEach(() => {
    clock = new VirtualClock();
    heard = [];
    owed = 0;
    sequence = 0;
    onFrame = () => {};
    const note = (text: string): void => {
      heard.push(text);
      onFrame(text);
    };
    const events = {
      onMessage: ({ data }: MessageFrame, lane: string) => note(`${lane}${String(data)}`),
      onRequest: ({ id }: RequestFrame, lane: string) => note(`${lane}request ${id}`),
      onEnd: ({ reason }: EndFrame) => note(`end ${String(reason)}`),
    } as unknown as SessionEvents;
    const session = {
      pendingBytes: 0,
      pendingBytesOf: () => owed * maxBytes,
      pong: (id: unknown) => note(`ping ${String(id)}`),
      fail: (lane: string, id: unknown) => note(`${lane}refused ${String(id)}`),
      shut: () => void (delivery.isShut = true),
      open: () => delivery.open(),
      heard() {},
    };
    backlog = new Backlog(events, session, clock, maxBytes);
    delivery = new Delivery(backlog, events, false);
  });

  const message = (data: unknown, lane = ''): void =>
    delivery.take({ type: 'message', lane: lane === '' ? 0 : 1, data, confirm: false, size: 20 }, lane, 0, ++sequence);
  const request = (id: number, lane = ''): void =>
    delivery.take(
      { type: 'request', lane: lane === '' ? 0 : 1, id, data: 0, timeoutMs: undefined, size: 20 },
      lane,
      0,
      ++sequence,
    );
  const ping = (id: number): void => delivery.ping({ type: 'ping', id, data: 0, size: 12 }, 0, ++sequence);

  it('a pause - holds the user’s messages and requests, and neither a ping nor what is on other lanes', () => {
    delivery.pause();
    message('a');
    request(1);
    message('b', 'chat ');
    request(2, 'chat ');
    ping(3);
    expect(heard.splice(0)).to.deep.equal(['chat b', 'chat request 2', 'ping 3']);
    delivery.resume();
    expect(heard).to.deep.equal(['a', 'request 1']);
    delivery.resume();
    expect(heard).to.have.lengthOf(2);
  });

  it('a pause - holds what waits in the backlog too, while lanes behind it go on; a resume delivers it before what came later', () => {
    owed = 2;
    request(1);
    message('a');
    message('b', 'chat ');
    request(2);
    ping(3);
    delivery.pause();
    message('c');
    message('d', 'chat ');
    owed = 0;
    clock.advance(0);
    expect(heard.splice(0)).to.deep.equal(['chat b', 'ping 3', 'chat d']);
    expect(backlog.length).to.equal(0);
    delivery.resume();
    expect(heard).to.deep.equal(['request 1', 'a', 'request 2', 'c']);
  });

  it('a pause while the peer takes no answers - lets messages of lanes go on that waited behind one of the user’s', () => {
    owed = 5;
    request(1);
    message('a', 'chat ');
    message('b');
    expect(heard).to.deep.equal([]);
    delivery.pause();
    clock.advance(0);
    expect(heard).to.deep.equal(['chat a']);
    delivery.resume();
    expect([heard.length, backlog.length]).to.deep.equal([1, 2]);
    owed = 0;
    backlog.drain();
    expect(heard.slice(1)).to.deep.equal(['request 1', 'b']);
  });

  it('a pause by one who hears what waited - holds all behind it, and each resume brings one, in order', () => {
    owed = 2;
    for (let id = 1; id <= 5; id++) request(id);
    onFrame = () => delivery.pause();
    owed = 0;
    backlog.drain();
    const turns = [heard.splice(0)];
    while (delivery.heldBytes > 0) {
      delivery.resume();
      turns.push(heard.splice(0));
    }
    expect(turns).to.deep.equal([1, 2, 3, 4, 5].map((id) => [`request ${id}`]));
  });

  it('a pause and a resume inside one that waited - lose nothing and change no order', () => {
    owed = 2;
    for (const name of ['a', 'b', 'c']) {
      request(sequence + 1);
      message(name);
    }
    onFrame = (text) => {
      if (text !== 'a') return;
      delivery.pause();
      delivery.resume();
    };
    owed = 0;
    backlog.drain();
    expect(heard).to.deep.equal(['request 1', 'a', 'request 3', 'b', 'request 5', 'c']);
    expect([backlog.length, delivery.heldBytes, delivery.untaken]).to.deep.equal([0, 0, Number.POSITIVE_INFINITY]);
  });

  it('a listener that pauses with each message - costs each of many that are held about the same', () => {
    delivery.pause();
    const count = 30_000;
    for (let number = 0; number < count; number++) message(number);
    onFrame = () => delivery.pause();
    const from = process.cpuUsage();
    while (delivery.heldBytes > 0) delivery.resume();
    const { user, system } = process.cpuUsage(from);
    expect(heard).to.deep.equal(Array.from({ length: count }, (_, number) => `${number}`));
    expect((user + system) / 1_000, 'ms for 30,000 of them').to.be.below(1_500);
  });

  it('what is held or waits - is untaken from its first message on, until it was given on', () => {
    owed = 2;
    message('a');
    request(2);
    message('b');
    expect(delivery.untaken).to.equal(3);
    delivery.pause();
    expect(delivery.untaken).to.equal(2);
    owed = 0;
    delivery.resume();
    expect(delivery.untaken).to.equal(Number.POSITIVE_INFINITY);
    expect(heard).to.deep.equal(['a', 'request 2', 'b']);
  });

  it('a request that is given up - is found whether it waits in the backlog, is held, or was held from there', () => {
    owed = 2;
    for (const id of [1, 2]) request(id);
    expect(delivery.drop(1, '')).to.equal(true);
    delivery.pause();
    request(3);
    expect([delivery.drop(2, ''), delivery.drop(3, ''), delivery.drop(4, '')]).to.deep.equal([true, true, false]);
    message('a');
    owed = 0;
    delivery.resume();
    expect(heard).to.deep.equal(['a']);
    expect(delivery.heldBytes).to.equal(0);
  });

  it('shut - holds all lanes; opened, they come in the order in which they arrived, until it is shut again', () => {
    delivery.isShut = true;
    message('a');
    message('b', 'chat ');
    message('c');
    message('d', 'chat ');
    expect(heard).to.deep.equal([]);
    onFrame = (text) => void (delivery.isShut = text === 'chat b');
    delivery.open();
    expect(heard).to.deep.equal(['a', 'chat b']);
    expect(delivery.untaken).to.equal(3);
    delivery.open();
    expect(heard).to.deep.equal(['a', 'chat b', 'c', 'chat d']);
  });

  it('opened while paused - brings lanes alone; resumed while shut, it brings nothing', () => {
    delivery.isShut = true;
    delivery.pause();
    message('a');
    message('b', 'chat ');
    delivery.resume();
    expect(heard).to.deep.equal([]);
    delivery.pause();
    delivery.open();
    expect(heard).to.deep.equal(['chat b']);
    delivery.resume();
    expect(heard).to.deep.equal(['chat b', 'a']);
  });

  it('last words that wait in the backlog - are all heard, though one who hears them pauses', () => {
    owed = 5;
    request(1);
    for (const name of ['a', 'b', 'c']) message(name);
    onFrame = () => delivery.pause();
    backlog.end();
    expect(heard).to.deep.equal(['a', 'b', 'c']);
  });

  it('the end of the session by one who hears what was held - is the last that is heard', () => {
    delivery.pause();
    for (const name of ['a', 'b', 'c']) message(name);
    onFrame = (text) => void (delivery.isOver = text === 'b');
    delivery.resume();
    expect(heard).to.deep.equal(['a', 'b']);
  });
});
