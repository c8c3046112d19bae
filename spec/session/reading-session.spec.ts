import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { LinkPort } from '../../lib/session/link-port.ts';
import { MemoryLink } from '../../lib/transport/memory-link.ts';
import { NativeEncoder } from '../../lib/wire/native/encoder.ts';
import { Slab } from '../../lib/base/slab.ts';
import type { SessionLink } from '../../lib/session/write-queue.ts';
import { type SessionEnd, SessionPair } from './session-pair.ts';

/** Counts how often the session of `end` stops and restarts its link. */
function watchReading(end: SessionEnd): { readonly stopped: boolean } {
  const port = end.port as SessionLink;
  const seen = { stopped: false };
  const { pause, resume } = port;
  port.pause = () => {
    seen.stopped = true;
    pause.call(port);
  };
  port.resume = () => {
    seen.stopped = false;
    resume.call(port);
  };
  return seen;
}

const numbers = (count: number, from = 0): string[] => Array.from({ length: count }, (_, at) => `message ${from + at}`);

describe('reading session', () => {
  let pair: SessionPair;

  beforeEach(() => {
    pair = new SessionPair();
    pair.join();
  });

  afterEach(() => {
    pair.cut();
    for (const { session } of [pair.a, pair.b]) session.finish();
    expect(pair.clock.pending, 'timers that are left').to.equal(0);
  });

  function say(from: number, count: number): void {
    for (let number = from; number < from + count; number++) void pair.a.session.send('', number);
  }

  it('an acknowledgement - rides on what goes back, and else leaves by itself after 100 ms', () => {
    const { a, b, clock } = pair;
    say(0, 3);
    pair.turn();
    expect([b.take(), a.session.unacknowledged]).to.deep.equal([numbers(3), 3]);
    void b.session.send('', 'back');
    pair.turn();
    expect(a.session.unacknowledged).to.equal(0);
    say(3, 2);
    clock.advance(99);
    expect(a.session.unacknowledged).to.equal(2);
    clock.advance(1);
    expect(a.session.unacknowledged).to.equal(0);
  });

  it('links that break - lose nothing and bring nothing twice, both ways, though acknowledgements were lost with them', () => {
    const { a, b } = pair;
    for (let link = 0; link < 10; link++) {
      say(link * 5, 5);
      void b.session.send('', link);
      if (link % 3 === 0) pair.turn();
      pair.cut();
      say(1_000 + link, 1);
      expect([a.session.attached, b.session.attached]).to.deep.equal([false, false]);
      expect(pair.join()).to.equal(true);
    }
    pair.turn();
    const expected = Array.from({ length: 10 }, (_, link) => [...numbers(5, link * 5), `message ${1_000 + link}`]);
    expect(b.heard).to.deep.equal(expected.flat());
    expect(a.heard).to.deep.equal(numbers(10));
    expect([a.lostWith.length, b.lostWith.length]).to.deep.equal([10, 10]);
  });

  it('a pause - outlives the link: nothing of the user’s comes over the next one, and plugins’ lanes go on', () => {
    const { a, b } = pair;
    say(0, 2);
    b.session.pause();
    pair.turn();
    expect(b.take()).to.deep.equal([]);
    pair.cut();
    pair.join();
    pair.turn();
    expect(a.session.peerPaused).to.equal(true);
    say(2, 1);
    void a.session.send('chat', 'x');
    pair.turn();
    expect(b.take()).to.deep.equal(['chatmessage x']);
    expect(a.session.unacknowledged, 'what is held is not taken').to.be.at.least(2);
    b.session.resume();
    pair.turn();
    expect(b.take()).to.deep.equal(numbers(3));
    expect(a.session.peerPaused).to.equal(false);
  });

  /** So many bytes of answers are under way to `a`, and its link takes none of them. */
  function owe(count: number): void {
    pair.a.port?.pause();
    for (let id = 91; id <= 90 + count; id++) pair.b.session.respond('', id, Buffer.alloc(99_000));
  }

  it('a pause - takes what waits for room for answers back; lanes behind it go on, and a resume brings all in order', () => {
    const { a, b } = pair;
    owe(6);
    a.session.request('', 1, 'asked', undefined);
    void a.session.send('', 'behind it');
    void a.session.send('chat', 'x');
    a.session.request('', 2, 'asked', undefined);
    pair.turn();
    expect([b.session.backlog, b.take()]).to.deep.equal([4, []]);
    b.session.pause();
    void a.session.send('', 'later');
    pair.turn();
    expect([b.session.backlog, b.take()]).to.deep.equal([0, ['chatmessage x']]);
    a.port?.resume();
    pair.clock.advance(200);
    expect(a.take().map((text) => text.slice(0, 9))).to.deep.equal(
      [91, 92, 93, 94, 95, 96].map((id) => `answer ${id}`),
    );
    expect(b.take()).to.deep.equal([]);
    b.session.resume();
    pair.turn();
    expect(b.take()).to.deep.equal(['request 1 asked', 'message behind it', 'request 2 asked', 'message later']);
  });

  it('a request that is given up while it waits for room, before a pause or after it - is never begun', () => {
    const { a, b } = pair;
    owe(3);
    a.session.request('', 1, 'asked', undefined);
    a.session.request('', 2, 'asked', undefined);
    a.session.cancel('', 2);
    pair.turn();
    expect([b.session.backlog, b.take()]).to.deep.equal([1, []]);
    b.session.pause();
    a.session.cancel('', 1);
    pair.turn();
    expect([b.session.backlog, b.session.hasUnheard]).to.deep.equal([0, false]);
    a.port?.resume();
    pair.clock.advance(200);
    b.session.resume();
    pair.turn();
    expect(b.take(), 'both were given up').to.deep.equal([]);
  });

  it('shut - lets answers through alone, and opened it brings the rest in order', () => {
    const { a, b } = pair;
    b.session.shut();
    say(0, 1);
    void a.session.send('chat', 'x');
    a.session.respond('', 7, 'an answer');
    say(1, 1);
    pair.turn();
    expect(b.take()).to.deep.equal(['answer 7 an answer']);
    expect(b.session.hasUnheard).to.equal(true);
    b.session.open();
    pair.turn();
    expect(b.take()).to.deep.equal(['message 0', 'chatmessage x', 'message 1']);
    expect(b.session.hasUnheard).to.equal(false);
  });

  it('a peer that does not stop - is not read any more, until what it said was heard', () => {
    pair = new SessionPair({ maxUnackedBytes: 10_000_000, maxPendingMessages: 10_000 }, { maxUnackedBytes: 10_000 });
    pair.join();
    const reading = watchReading(pair.b);
    pair.b.session.shut();
    say(0, 100);
    pair.turn();
    expect(reading.stopped).to.equal(true);
    say(100, 10);
    pair.turn();
    const { received } = pair.b.session;
    expect(received).to.equal(100);
    pair.b.session.open();
    pair.turn();
    expect(reading.stopped).to.equal(false);
    expect(pair.b.take()).to.deep.equal(numbers(110));
  });

  it('lanes that were not read any more while the user’s is paused - go on once they were heard', () => {
    pair = new SessionPair({ maxUnackedBytes: 10_000_000, maxPendingMessages: 10_000 }, { maxUnackedBytes: 10_000 });
    pair.join();
    const { a, b } = pair;
    const reading = watchReading(b);
    b.session.pause();
    b.session.shut();
    for (let number = 0; number < 100; number++) void a.session.send('chat', number);
    pair.turn();
    expect(reading.stopped).to.equal(true);
    b.session.open();
    void a.session.send('chat', 100);
    pair.turn();
    expect(b.take()).to.have.lengthOf(101);
    expect(reading.stopped).to.equal(false);
    b.session.resume();
  });

  it('bytes that are no frames - lose the link once, behind all that came before them', () => {
    const { a, b } = pair;
    say(0, 2);
    pair.turn();
    a.port?.write(Buffer.alloc(64, 0xff));
    a.port?.write(Buffer.alloc(64, 0xff));
    pair.turn();
    expect(b.take()).to.deep.equal(numbers(2));
    expect(b.lostWith.map((error) => error?.code)).to.deep.equal(['ERR_TOO_LARGE']);
    expect(pair.join()).to.equal(true);
    say(2, 1);
    pair.turn();
    expect(b.take()).to.deep.equal(numbers(1, 2));
  });

  it('an acknowledgement of what was never sent - loses the link and acknowledges nothing; no link may begin with one', () => {
    const { a, b } = pair;
    say(0, 1);
    const slab = new Slab();
    new NativeEncoder({ slab, records: false, maxFrameBytes: 1_000, maxDepth: 8 }).ack(2);
    for (const bytes of slab.take()) b.port?.write(bytes);
    pair.turn();
    expect(a.lostWith.map((error) => error?.code)).to.deep.equal(['ERR_PROTOCOL']);
    expect(a.session.unacknowledged).to.equal(1);
    pair.cut();
    const [link] = MemoryLink.pair('next', pair.pipe, pair.pipe, () => {});
    expect(a.session.attach(new LinkPort(link, pair.clock), 2)).to.equal(false);
    expect([a.session.attached, a.session.unacknowledged]).to.deep.equal([false, 1]);
    expect(pair.join()).to.equal(true);
    pair.turn();
    expect(b.take()).to.deep.equal(numbers(1));
  });

  it('this end closes - what came is asked nothing more, and a peer that closes too is heard to its end', () => {
    const { a, b } = pair;
    b.session.pauseToClose();
    say(0, 1);
    pair.turn();
    expect(b.take()).to.deep.equal([]);
    a.session.pauseToClose();
    pair.turn();
    expect(b.take()).to.deep.equal(numbers(1));
  });

  it('the end of the session - lets be heard what waits in the backlog, asks nothing, and gives back what nobody took', () => {
    const { a, b } = pair;
    void b.session.send('', 'not taken');
    owe(6);
    a.session.request('', 1, 'asked', undefined);
    say(0, 1);
    pair.turn();
    expect(b.session.backlog).to.be.above(0);
    const left = b.session.finish();
    expect(b.take()).to.deep.equal(numbers(1));
    expect(left.map(({ data }) => data)).to.deep.equal(['not taken']);
    expect([b.session.ended, b.session.attached]).to.deep.equal([true, false]);
    say(1, 1);
    pair.turn();
    expect(b.take()).to.deep.equal([]);
  });

  it('a silent peer - is asked, and given up after its time; a link that is let go of is not', () => {
    pair = new SessionPair({ heartbeatIntervalMs: 1_000, heartbeatTimeoutMs: 500 });
    pair.join();
    const { a, b, clock } = pair;
    clock.advance(5_000);
    expect(a.lostWith).to.deep.equal([]);
    b.port?.pause();
    clock.advance(1_600);
    expect(a.lostWith.map((error) => error?.code)).to.deep.equal(['ERR_TIMEOUT']);
    clock.advance(60_000);
    expect(a.lostWith).to.have.lengthOf(1);
  });
});
