import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { Backlog } from '../../lib/session/backlog.ts';
import { Delivery } from '../../lib/session/delivery.ts';
import { Receiver } from '../../lib/session/receiver.ts';
import type { SessionEvents } from '../../lib/session/session-events.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import type { Frame, RequestId } from '../../lib/wire/frames.ts';

const nothing = new Uint8Array(0);

describe('receiver', () => {
  let receiver: Receiver;
  let coming: Frame[];
  let events: string[];
  let heard: number[];
  let now: number;
  let onFrame: () => void;
  let delivery: Delivery;

  function receiverOf(reliable: boolean): Receiver {
    const say = (frame: { readonly type: string }, lane = ''): void => {
      events.push(`${lane}${frame.type} ${'data' in frame ? String(frame.data) : ''}`);
      onFrame();
    };
    const peer: SessionEvents = {
      requests: {
        left: () => Number.POSITIVE_INFINITY,
        answered: (_id, data) => void events.push(`response ${String(data)}`),
        failed: () => void events.push('failure '),
      },
      incoming: { cancelled: () => void events.push('cancel ') },
      onMessage: say,
      onRequest(frame, lane, heardAt) {
        heard.push(heardAt);
        say(frame, lane);
      },
      onEnd: say,
      onGoingAway: () => void events.push('going-away'),
      settled() {},
      onLinkLost() {},
      onSlow() {},
    };
    const session = {
      pendingBytes: 0,
      pendingBytesOf: () => 0,
      pong: (_id: RequestId, data: unknown) => void events.push(`ping ${String(data)}`),
      fail() {},
      shut() {},
      open() {},
      heard() {},
    };
    delivery = new Delivery(new Backlog(peer, session, new VirtualClock(), 100_000), peer, !reliable);
    const said = (type: string) => (): void => void events.push(type);
    return new Receiver({
      decoder: {
        feed(bytes, sink) {
          for (const frame of coming.splice(0)) sink(frame);
          return bytes.length;
        },
      },
      reliable,
      events: peer,
      control: { onAck: said('ack'), say: said('heartbeat'), onPause: said('pause'), onResume: said('resume') },
      delivery,
      liveness: {
        get heardAt() {
          return now;
        },
      },
    });
  }

  beforeEach(() => {
    coming = [];
    events = [];
    heard = [];
    now = 0;
    onFrame = () => {};
    receiver = receiverOf(true);
  });

  function feed(...frames: Frame[]): void {
    coming = frames;
    receiver.feed(nothing);
  }

  const message = (data: unknown, { lane = 0, confirm = false, size = 20 } = {}): Frame => ({
    type: 'message',
    lane,
    data,
    confirm,
    size,
  });
  const request = (id: RequestId, data: unknown): Frame => ({
    type: 'request',
    lane: 0,
    id,
    data,
    timeoutMs: undefined,
    size: 20,
  });
  const cancel = (id: RequestId): Frame => ({ type: 'cancel', lane: 0, id, size: 12 });
  const response = (data: unknown): Frame => ({ type: 'response', lane: 0, id: 1, data, size: 20 });
  const open = (lane: number, name: string): Frame => ({ type: 'open', lane, name, size: 20 });

  it('sequenced frames - are counted, parts and lane names too; control frames are not', () => {
    feed(
      message(1),
      open(1, 'chat'),
      { type: 'part', lane: 0, size: 100 },
      { type: 'heartbeat', size: 12 },
      message(2),
    );
    expect(receiver.received).to.equal(4);
    expect(events).to.deep.equal(['message 1', 'heartbeat', 'message 2']);
  });

  it('lanes - are told by the name the peer gave; one without a name is refused, and a second name too', () => {
    feed(open(3, 'chat'), message('hi', { lane: 3 }));
    expect(events).to.deep.equal(['chatmessage hi']);
    for (const frames of [[message('x', { lane: 4 })], [open(3, 'other')], [open(0, 'user')]]) {
      expect(() => feed(...frames))
        .to.throw()
        .with.property('code', 'ERR_PROTOCOL');
    }
  });

  it('lanes - there are 256 at most', () => {
    for (let lane = 1; lane < 256; lane++) feed(open(lane, `lane ${lane}`));
    expect(() => feed(open(256, 'one more')))
      .to.throw()
      .with.property('code', 'ERR_PROTOCOL');
  });

  it('acknowledgements - count what was taken, once', () => {
    expect(receiver.takeAck()).to.equal(-1);
    feed(message(1), message(2));
    expect(receiver.ackIsDue).to.equal(true);
    expect(receiver.takeAck()).to.equal(2);
    expect([receiver.ackIsDue, receiver.takeAck()]).to.deep.equal([false, -1]);
  });

  it('acknowledgements - are urgent after a confirmed message, 128 KiB or 1,024 frames', () => {
    feed(message(1));
    expect(receiver.ackIsUrgent).to.equal(false);
    feed(message(2, { confirm: true }));
    expect(receiver.ackIsUrgent).to.equal(true);
    receiver.takeAck();
    feed(message(3, { size: 131_072 }));
    expect(receiver.ackIsUrgent).to.equal(true);
    receiver.takeAck();
    feed(...Array.from({ length: 1_023 }, () => message(4)));
    expect(receiver.ackIsUrgent).to.equal(false);
    feed(message(5));
    expect(receiver.ackIsUrgent).to.equal(true);
  });

  it('acknowledgements - are said again on a new link, and never where nothing counts', () => {
    feed(message(1));
    receiver.takeAck();
    receiver.forgetAcks();
    expect(receiver.takeAck()).to.equal(1);
    receiver = receiverOf(false);
    feed(message(1, { confirm: true }));
    expect([receiver.ackIsDue, receiver.takeAck()]).to.deep.equal([false, -1]);
  });

  it('a pause - holds messages and requests back, unacknowledged, and lets the rest through', () => {
    feed(open(1, 'chat'));
    delivery.isPaused = true;
    feed(message(1), request(7, 'r'), response('answer'), message('lane', { lane: 1 }));
    expect(events).to.deep.equal(['response answer', 'chatmessage lane']);
    expect([receiver.received, delivery.heldBytes > 0, receiver.takeAck()]).to.deep.equal([5, true, 1]);
    delivery.resume();
    expect(events.slice(2)).to.deep.equal(['message 1', 'request r']);
    expect([delivery.heldBytes, receiver.takeAck()]).to.deep.equal([0, 5]);
  });

  it('a handler that pauses - holds back what came in the same bytes, and what a resume brings', () => {
    onFrame = () => void (delivery.isPaused = true);
    feed(message(1), message(2), message(3));
    expect(events).to.deep.equal(['message 1']);
    expect(receiver.takeAck()).to.equal(1);
    delivery.resume();
    expect(events).to.deep.equal(['message 1', 'message 2']);
    onFrame = () => {};
    delivery.resume();
    feed(message(4));
    expect(events).to.deep.equal(['message 1', 'message 2', 'message 3', 'message 4']);
  });

  it('what arrives while held frames are delivered - comes after them', () => {
    delivery.isPaused = true;
    feed(message(1), message(2));
    onFrame = () => {
      onFrame = () => {};
      feed(message(3));
    };
    delivery.resume();
    expect(events).to.deep.equal(['message 1', 'message 2', 'message 3']);
  });

  it('a request that is cancelled while it is held - is never delivered, and counts as taken', () => {
    delivery.isPaused = true;
    feed(request(1, 'a'), request(2, 'b'), cancel(1));
    delivery.resume();
    expect(events).to.deep.equal(['request b']);
    expect(receiver.takeAck()).to.equal(3);
  });

  it('a cancel of a request that was delivered - comes through a pause', () => {
    feed(request(1, 'a'));
    delivery.isPaused = true;
    feed(cancel(1));
    expect(events).to.deep.equal(['request a', 'cancel ']);
  });

  it('arrival - of what was held is told with it, not when it was resumed', () => {
    now = 1;
    feed(request(1, 'now'));
    delivery.isPaused = true;
    now = 2;
    feed(request(2, 'held'));
    now = 3;
    delivery.resume();
    expect(heard).to.deep.equal([1, 2]);
  });

  it('requests that are given up while they are held - are found at once, and cost their place in the order until it is reached', () => {
    delivery.isPaused = true;
    const count = 30_000;
    feed(message('first'));
    for (let id = 1; id <= count; id++) feed(request(id, 'a'));
    const full = delivery.heldBytes;
    const from = process.cpuUsage();
    for (let id = count; id >= 1; id--) feed(cancel(id));
    const { user, system } = process.cpuUsage(from);
    expect((user + system) / 1_000, 'ms for 30,000 of them').to.be.below(1_000);
    expect(full - delivery.heldBytes).to.equal(count * 20);
    expect(delivery.heldBytes).to.be.above(count * 100);
    delivery.resume();
    expect(events).to.deep.equal(['message first']);
    expect(delivery.heldBytes).to.equal(0);
  });

  it('small messages that are held - count by their number too', () => {
    delivery.isPaused = true;
    for (let number = 0; number < 1_000; number++) feed(message(number, { size: 12 }));
    expect(delivery.heldBytes).to.be.at.least(200_000);
  });

  it('a request whose cancel was read together with it - is counted and not delivered, the next of its number is', () => {
    feed(request(1, 'withdrawn'), message('m'), cancel(1), request(1, 'again'), request(2, 'kept'));
    feed(cancel(2));
    expect(events).to.deep.equal(['message m', 'request again', 'request kept', 'cancel ']);
    expect(receiver.received).to.equal(6);
    expect(receiver.takeAck()).to.equal(6);
  });

  it('frames behind one that is refused - were decoded, and so are counted and delivered', () => {
    expect(() => feed(message('a'), message('b', { lane: 7 }), message('c'))).to.throw(/lane 7/i);
    expect(events).to.deep.equal(['message a', 'message c']);
    expect(receiver.received).to.equal(3);
  });

  it('shut - lets answers through and holds what is said and asked on all lanes, until it is opened, in order', () => {
    feed(open(1, 'chat'));
    delivery.isShut = true;
    feed(message(1), response('answer'), message(2, { lane: 1 }), request(9, 3), {
      type: 'ping',
      id: 4,
      data: 0,
      size: 12,
    });
    expect(events).to.deep.equal(['response answer', 'ping 0']);
    expect(receiver.takeAck()).to.equal(1);
    delivery.open();
    expect(events.slice(2)).to.deep.equal(['message 1', 'chatmessage 2', 'request 3']);
    expect(delivery.heldBytes).to.equal(0);
    expect(receiver.takeAck()).to.equal(6);
  });

  it('opened while paused - delivers what came on other lanes, and the rest when it is resumed', () => {
    feed(open(1, 'chat'));
    delivery.isShut = true;
    delivery.isPaused = true;
    feed(message(1), message(2, { lane: 1 }), message(3));
    delivery.open();
    expect(events).to.deep.equal(['chatmessage 2']);
    expect(receiver.takeAck()).to.equal(1);
    delivery.resume();
    expect(events.slice(1)).to.deep.equal(['message 1', 'message 3']);
  });

  it('an end behind what is held - waits where nothing is acknowledged, and cuts it off where the peer keeps it', () => {
    const end: Frame = { type: 'end', reason: 'bye', allowReconnect: false, code: undefined, size: 12 };
    for (const counts of [false, true]) {
      events = [];
      receiver = receiverOf(counts);
      delivery.isShut = true;
      feed(message(1), end);
      delivery.open();
      expect(events).to.deep.equal(counts ? ['end ', 'message 1'] : ['message 1', 'end ']);
    }
  });

  it('a confirmed message that was given up while it is held - is forgotten', () => {
    delivery.isPaused = true;
    feed({ type: 'message', lane: 0, data: 1, confirm: true, id: 7, size: 20 }, message(2), cancel(7));
    delivery.resume();
    expect(events).to.deep.equal(['message 2']);
    expect(receiver.ackIsUrgent).to.equal(false);
  });
});
