import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BusError } from '../../lib/index.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';
import { rejection } from '../support/links.ts';

describe('virtual clock', () => {
  it('times that are none - are refused, and the clock stands still', async () => {
    const clock = new VirtualClock();
    for (const ms of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5', undefined] as number[]) {
      expect(() => clock.advance(ms))
        .to.throw(BusError)
        .with.property('code', 'ERR_INVALID_ARGUMENT');
      expect(await rejection(clock.run(ms))).to.have.property('code', 'ERR_INVALID_ARGUMENT');
    }
    expect(clock.now()).to.equal(0);
    await clock.run(0);
  });

  it('options - are checked', () => {
    for (const options of [{ start: 5 }, { startMs: Number.NaN }, { maxSteps: 0 }] as object[]) {
      expect(() => new VirtualClock(options))
        .to.throw(BusError)
        .with.property('code', 'ERR_INVALID_OPTION');
    }
  });

  it('timers - run in the order of their time, then of their making, each at its own time', () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    const note = (name: string) => () => log.push(`${name}@${clock.now()}`);
    for (const [name, ms] of [
      ['c', 30],
      ['a', 10],
      ['d', 30],
      ['b', 20],
      ['e', 40],
    ] as const)
      clock.setTimer(note(name), ms);
    clock.advance(30);
    expect(log).to.deep.equal(['a@10', 'b@20', 'c@30', 'd@30']);
    expect(clock.now()).to.equal(30);
    expect(clock.nextTimerMs).to.equal(40);
    expect(clock.pending).to.equal(1);
  });

  it('timers - set or cancelled by a timer count in the same advance', () => {
    const clock = new VirtualClock({ startMs: 5 });
    const log: string[] = [];
    const late = clock.setTimer(() => log.push('never'), 20);
    clock.setTimer(() => {
      late.cancel();
      late.cancel();
      clock.setTimer(() => log.push(`nested@${clock.now()}`), 5);
    }, 10);
    clock.advance(100);
    expect(log).to.deep.equal(['nested@20']);
    expect(clock.pending).to.equal(0);
  });

  it('a thousand timers in mixed order - run sorted', () => {
    const clock = new VirtualClock();
    const ran: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      const ms = (i * 7_919) % 1_009;
      const timer = clock.setTimer(() => ran.push(ms), ms);
      if (i % 3 === 0) timer.cancel();
    }
    clock.advance(2_000);
    expect(ran).to.have.length(666);
    expect(ran).to.deep.equal(ran.toSorted((a, b) => a - b));
  });

  it('deferred tasks - run first in, first out, before the next timer; those of a turn wait for the next turn', () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.setTimer(() => log.push('timer'), 0);
    clock.defer(() => {
      log.push('one');
      clock.defer(() => log.push('three'));
    });
    clock.defer(() => log.push('two'));
    clock.advance(0);
    expect(log).to.deep.equal(['one', 'two', 'three', 'timer']);
  });

  it('run - lets all promise reactions happen between two steps', async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    const wait = (ms: number) => new Promise<void>((resolve) => clock.setTimer(resolve, ms));
    const work = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await wait(10);
        await Promise.resolve();
        log.push(`work@${clock.now()}`);
      }
    };
    const done = work();
    clock.setTimer(() => log.push('timer@25'), 25);
    await clock.run(30);
    await done;
    expect(log).to.deep.equal(['work@10', 'work@20', 'timer@25', 'work@30']);
  });

  it('tasks that go round for ever - end the advance with an error', () => {
    const clock = new VirtualClock({ maxSteps: 100 });
    const again = (): void => clock.defer(again);
    again();
    expect(() => clock.advance(1)).to.throw(/start each other without end/);
  });

  it('advance from inside a task - is refused', () => {
    const clock = new VirtualClock();
    clock.defer(() => clock.advance(1));
    expect(() => clock.advance(1)).to.throw(/already/);
  });
});
