import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { BusError } from '../../lib/base/errors.ts';
import { turn } from '../support/buses.ts';
import { SessionPair } from './session-pair.ts';

const numbers = (count: number, from = 0): string[] => Array.from({ length: count }, (_, at) => `message ${from + at}`);

describe('session', () => {
  let pair: SessionPair;
  let settled: string[];

  beforeEach(() => {
    settled = [];
    pair = new SessionPair({ maxPendingMessages: 10 });
    pair.join();
  });

  afterEach(() => {
    pair.cut();
    for (const { session, queues } of [pair.a, pair.b]) {
      session.finish();
      queues.fail(new BusError('ERR_CLOSED'));
    }
    expect(pair.clock.pending, 'timers that are left').to.equal(0);
  });

  /** Notes when `promise` settles, and how. */
  function follow(name: string | number, promise: Promise<unknown>): void {
    promise.then(
      () => settled.push(`${name}`),
      ({ code }: BusError) => settled.push(`${name} ${code}`),
    );
  }

  it('without room - a send waits its turn; what the peer takes makes room for as much, in order', async () => {
    const { a, b, clock } = pair;
    b.session.pause();
    for (let number = 0; number < 25; number++) follow(number, a.session.send('', number));
    await turn();
    expect(settled).to.deep.equal(Array.from({ length: 10 }, (_, number) => `${number}`));
    expect([a.queues.user.length, a.session.unacknowledged, a.session.maySend('')]).to.deep.equal([15, 10, false]);
    b.session.resume();
    clock.advance(1_000);
    await turn();
    expect(settled).to.deep.equal(Array.from({ length: 25 }, (_, number) => `${number}`));
    expect(b.heard).to.deep.equal(numbers(25));
  });

  it('trySend - sends where there is room, and elsewhere queues nothing', () => {
    const { a, b } = pair;
    b.session.pause();
    const sent = Array.from({ length: 12 }, (_, number) => a.session.trySend('', number));
    expect(sent).to.deep.equal(Array.from({ length: 12 }, (_, number) => number < 10));
    expect(a.queues.user.length).to.equal(0);
    b.session.resume();
    pair.turn();
    expect(b.heard).to.deep.equal(numbers(10));
  });

  it('a peer that paused - keeps the user’s sends waiting, and not those of lanes', async () => {
    const { a, b } = pair;
    b.session.pause();
    pair.turn();
    follow('user', a.session.send('', 'u'));
    follow('lane', a.session.send('chat', 'c'));
    await turn();
    pair.turn();
    expect([settled, b.take()]).to.deep.equal([['lane'], ['chatmessage c']]);
    b.session.resume();
    pair.turn();
    await turn();
    expect([settled, b.take()]).to.deep.equal([['lane', 'user'], ['message u']]);
  });

  it('what cannot be encoded - rejects its own send alone, at once or in its turn', async () => {
    const { a, b, clock } = pair;
    const circular: unknown[] = [];
    circular.push(circular);
    follow('bad', a.session.send('', circular));
    b.session.pause();
    pair.turn();
    follow('waits', a.session.send('', circular));
    follow('good', a.session.send('', 'g'));
    b.session.resume();
    clock.advance(200);
    await turn();
    expect(settled).to.deep.equal(['bad ERR_UNENCODABLE', 'waits ERR_UNENCODABLE', 'good']);
    expect(b.heard).to.deep.equal(['message g']);
  });

  it('sealed - lets nothing new in, on any lane, and what waits stays for the next session', async () => {
    const { a, b, clock } = pair;
    a.session.seal();
    follow('user', a.session.send('', 1));
    follow('lane', a.session.send('chat', 1));
    clock.advance(1_000);
    await turn();
    expect([settled, b.heard, a.queues.user.length, a.queues.lanes.length]).to.deep.equal([[], [], 1, 1]);
  });

  it('a flush - waits for what was sent and what waits for room, and for nothing later', async () => {
    const { a, b, clock } = pair;
    b.session.pause();
    for (let number = 0; number < 12; number++) void a.session.send('', number);
    follow('flush', a.queues.flush());
    void a.session.send('', 12);
    clock.advance(5_000);
    await turn();
    expect(settled).to.deep.equal([]);
    b.session.resume();
    b.onFrame = (text) => {
      if (text === 'message 11') b.session.pause();
    };
    clock.advance(5_000);
    await turn();
    expect([settled, b.heard.length]).to.deep.equal([['flush'], 12]);
  });

  it('a flush - ends with the session, whatever was not taken', async () => {
    const { a, b } = pair;
    b.session.pause();
    void a.session.send('', 1);
    follow('flush', a.session.flushSent());
    await turn();
    expect(settled).to.deep.equal([]);
    a.session.finish();
    await turn();
    expect(settled).to.deep.equal(['flush']);
    follow('another', a.session.flushSent());
    await turn();
    expect(settled).to.deep.equal(['flush', 'another']);
  });

  it('a confirmed message - has the number of its answer; where the peer gives none, its acknowledgement is one', () => {
    const { a, b } = pair;
    let acknowledged = 0;
    a.session.sendConfirmed('', 77, 'm', () => (acknowledged += 1));
    pair.turn();
    expect(b.take()).to.deep.equal(['message m']);
    b.session.respond('', 77, undefined);
    pair.turn();
    expect([a.take(), acknowledged]).to.deep.equal([['answer 77 undefined'], 0]);
  });

  it('room - is told to who waits for it when a message would go out, when the link is gone, and to a slow peer’s waiters', async () => {
    const { a, b, clock } = pair;
    b.session.pause();
    follow('at once', a.session.whenRoom());
    for (let number = 0; number < 10; number++) void a.session.send('', number);
    follow('taken', a.session.whenRoom());
    clock.advance(200);
    await turn();
    expect(settled).to.deep.equal(['at once']);
    b.session.resume();
    clock.advance(200);
    await turn();
    expect(settled.splice(0)).to.deep.equal(['at once', 'taken']);
    b.session.pause();
    pair.turn();
    follow('cut', a.session.whenRoom());
    await turn();
    expect(settled).to.deep.equal([]);
    pair.cut();
    await turn();
    expect(settled).to.deep.equal(['cut']);
  });

  it('a peer that takes nothing - is slow once, which ends the waits; one that asked for a pause is not', async () => {
    const { a, b, clock } = pair;
    follow('slow', a.session.whenSlow());
    b.session.pause();
    for (let number = 0; number < 10; number++) void a.session.send('', number);
    clock.advance(60_000);
    await turn();
    expect([a.slow, settled]).to.deep.equal([0, []]);
    b.session.resume();
    clock.advance(1_000);
    b.port?.pause();
    for (let number = 0; number < 10; number++) void a.session.send('', Buffer.alloc(9_000));
    expect(a.session.maySend('')).to.equal(false);
    follow('room', a.session.whenRoom());
    clock.advance(60_000);
    await turn();
    expect([a.slow, settled.toSorted()]).to.deep.equal([1, ['room', 'slow']]);
    follow('broadcast', a.session.sendEncoded('', { data: 1 }) ?? Promise.resolve());
    await turn();
    expect(settled.at(-1)).to.equal('broadcast ERR_SLOW_CONSUMER');
  });

  it('a session - can go on for a peer that has what was sent and lacks nothing that is gone', () => {
    const { a, b, clock } = pair;
    for (let number = 0; number < 5; number++) void a.session.send('', number);
    clock.advance(200);
    expect(b.session.received).to.equal(5);
    void a.session.send('', 5);
    expect([4, 5, 6, 7].map((received) => a.session.canReplay(received))).to.deep.equal([false, true, true, false]);
  });

  it('a frame that cannot be read over three links in a row - is one that the session is stuck on', () => {
    const { b } = pair;
    const broken = new BusError('ERR_PROTOCOL');
    const seen = [1, 2].map(() => b.session.isStuckOn(broken));
    expect(b.session.isStuckOn(new BusError('ERR_TIMEOUT'))).to.equal(false);
    void pair.a.session.send('', 'one more came');
    pair.turn();
    for (const _ of [1, 2, 3]) seen.push(b.session.isStuckOn(broken));
    expect(seen).to.deep.equal([false, false, false, false, true]);
  });

  it('the end - gives back the user’s messages that nobody acknowledged, in order, and none of a lane', () => {
    const { a, b, clock } = pair;
    void a.session.send('', 'taken');
    clock.advance(200);
    b.session.pause();
    for (const data of ['a', 'b']) void a.session.send('', data);
    void a.session.send('chat', 'c');
    clock.advance(200);
    expect(a.session.finish().map(({ data }) => data)).to.deep.equal(['a', 'b']);
    expect(a.session.finish()).to.deep.equal([]);
  });
});
