import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { Flushes } from '../../lib/session/flushes.ts';
import { Queued, type QueuedMark, ReplayBuffer } from '../../lib/session/replay-buffer.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';

describe('flushes', () => {
  let clock: VirtualClock;
  let replay: ReplayBuffer;
  let queued: Queued;
  let sent: { replay: ReplayBuffer; queued: Queued; pendingBytes: number; ask(): void };
  let asked: number;
  let done: string[];

  beforeEach(() => {
    clock = new VirtualClock();
    replay = new ReplayBuffer();
    queued = new Queued();
    asked = 0;
    done = [];
    sent = { replay, queued, pendingBytes: 0, ask: () => void (asked += 1) };
  });

  const flushes = (reliable = true): Flushes => new Flushes(clock, sent, reliable);
  const record = (count: number): void => {
    for (let frame = 0; frame < count; frame++) replay.record(10, undefined);
  };
  const note = (name: string) => (): void => void done.push(name);

  it('nothing was sent - is flushed at once, and nobody is asked', () => {
    flushes().add(note('a'));
    expect([done, asked, clock.pending]).to.deep.equal([['a'], 0, 0]);
  });

  it('each - waits for what was sent before it and for nothing later, in order, once', () => {
    const all = flushes();
    record(2);
    all.add(note('a'));
    record(1);
    all.add(note('b'));
    all.add(note('c'));
    record(1);
    expect(done).to.deep.equal([]);
    replay.acknowledge(1);
    all.settle();
    expect(done).to.deep.equal([]);
    replay.acknowledge(2);
    all.settle();
    expect(done).to.deep.equal(['a']);
    replay.acknowledge(3);
    all.settle();
    all.settle();
    expect(done).to.deep.equal(['a', 'b', 'c']);
    expect(clock.pending, 'acknowledgements come by themselves').to.equal(0);
  });

  it('the peer - is asked for as long as somebody waits, and not once nobody does', () => {
    const all = flushes();
    record(1);
    all.add(note('a'));
    expect(asked).to.equal(1);
    all.settle();
    expect(asked).to.equal(2);
    replay.acknowledge(1);
    all.settle();
    all.settle();
    expect(asked).to.equal(2);
  });

  it('a body that waits to be cut - is waited for until its last chunk was acknowledged', () => {
    const all = flushes();
    queued.add(0, undefined);
    queued.add(1, undefined);
    const mark: QueuedMark | undefined = queued.mark;
    expect(mark?.size).to.equal(2);
    all.add(note('a'));
    record(3);
    queued.take(0);
    queued.add(0, undefined);
    replay.acknowledge(3);
    all.settle();
    expect(done, 'the other lane’s is not cut').to.deep.equal([]);
    record(2);
    queued.take(1);
    replay.acknowledge(4);
    all.settle();
    expect(done, 'its last chunk is not acknowledged').to.deep.equal([]);
    replay.acknowledge(5);
    all.settle();
    expect(done).to.deep.equal(['a']);
    expect(queued.count, 'one that came later is not waited for').to.equal(1);
  });

  it('where nothing is acknowledged - it is looked every 2 ms whether all bytes left, by one timer, which then is gone', () => {
    const all = flushes(false);
    sent.pendingBytes = 5;
    all.add(note('a'));
    all.add(note('b'));
    clock.advance(2);
    expect([done, clock.pending]).to.deep.equal([[], 1]);
    sent.pendingBytes = 0;
    clock.advance(1);
    expect(done).to.deep.equal([]);
    clock.advance(1);
    expect([done, clock.pending]).to.deep.equal([['a', 'b'], 0]);
  });

  it('the end - is the end of all waits, once, in order, and leaves no timer', () => {
    for (const reliable of [true, false]) {
      done = [];
      const all = flushes(reliable);
      record(1);
      sent.pendingBytes = 1;
      all.add(note('a'));
      all.add(note('b'));
      all.end();
      all.end();
      replay.acknowledge(replay.sequence);
      all.settle();
      expect([done, clock.pending]).to.deep.equal([['a', 'b'], 0]);
    }
  });

  it('one that is added by another’s end - gets its own turn', () => {
    const all = flushes();
    record(1);
    all.add(() => {
      done.push('a');
      record(1);
      all.add(note('c'));
    });
    all.add(note('b'));
    replay.acknowledge(1);
    all.settle();
    expect(done).to.deep.equal(['a', 'b']);
    replay.acknowledge(2);
    all.settle();
    expect(done).to.deep.equal(['a', 'b', 'c']);
  });
});
