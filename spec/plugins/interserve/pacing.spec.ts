import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Meter } from '../../../lib/plugins/interserve/meter.ts';
import type { Asker } from '../../../lib/plugins/interserve/asker.ts';
import { Quota } from '../../../lib/plugins/interserve/quota.ts';
import { Slots, type Turn } from '../../../lib/plugins/interserve/slots.ts';
import { Stall } from '../../../lib/plugins/interserve/stall.ts';
import { Throttle } from '../../../lib/plugins/interserve/throttle.ts';
import { VirtualClock } from '../../../lib/testing/virtual-clock.ts';

describe('interserve pacing', () => {
  it('stall - fires once after its time without a touch, and not before', () => {
    const clock = new VirtualClock();
    let stalls = 0;
    const stall = new Stall(clock, 1000, () => (stalls += 1));
    stall.touch();
    clock.advance(900);
    stall.touch();
    clock.advance(999);
    expect(stalls).to.equal(0);
    clock.advance(1);
    expect(stalls).to.equal(1);
    clock.advance(10_000);
    expect(stalls).to.equal(1);
    expect(clock.pending).to.equal(0);
  });

  it('stall - stopped stays silent and leaves no timer', () => {
    const clock = new VirtualClock();
    const stall = new Stall(clock, 1000, () => expect.fail('stalled'));
    stall.touch();
    stall.stop();
    clock.advance(5000);
    expect(clock.pending).to.equal(0);
  });

  it('throttle - lets its rate through on average', async () => {
    const clock = new VirtualClock();
    const throttle = new Throttle(clock, 1000);
    let passed = 0;
    const pass = async () => {
      for (;;) {
        await throttle.take(100);
        passed += 100;
      }
    };
    void pass();
    for (let ms = 0; ms < 10_000; ms += 10) {
      clock.advance(10);
      await Promise.resolve();
      await Promise.resolve();
    }
    expect(passed).to.be.within(9_800, 10_300);
  });

  it('throttle - of rate 0 never waits', () => {
    const throttle = new Throttle(new VirtualClock(), 0);
    expect(throttle.take(1e12)).to.equal(undefined);
    expect(throttle.portion).to.equal(Infinity);
  });

  it('slots - are granted in order, and a place given back is skipped', async () => {
    const slots = new Slots(1);
    const order: string[] = [];
    const turns = ['a', 'b', 'c'].map((name) => {
      const turn = slots.take();
      void turn.granted.then(() => order.push(name));
      return turn;
    });
    await Promise.resolve();
    turns[1]?.release();
    turns[0]?.release();
    turns[0]?.release();
    await turns[2]?.granted;
    expect(order).to.deep.equal(['a', 'c']);
    expect(slots.waiting).to.equal(0);
    turns[2]?.release();
    await slots.take().granted;
  });

  it('slots - that become free go to the owner that holds the fewest', async () => {
    const slots = new Slots(3);
    const order: string[] = [];
    const turns = ['greedy', 'greedy', 'greedy', 'greedy', 'modest', 'late'].map((owner) => {
      const turn = slots.take(owner);
      void turn.granted.then(() => order.push(owner));
      return turn;
    });
    turns[0]?.release();
    turns[1]?.release();
    await Promise.resolve();
    expect(order).to.deep.equal(['greedy', 'greedy', 'greedy', 'modest', 'late']);
    for (const turn of turns.slice(2)) turn.release();
    expect(slots.waiting).to.equal(0);
    await slots.take('late').granted;
  });

  it('slots - go round among owners that hold the same, however much the first one wants', async () => {
    const slots = new Slots(1);
    const order: string[] = [];
    const turns: Turn[] = [];
    for (const owner of ['a', 'a', 'a', 'b', 'b', 'c']) {
      const turn = slots.take(owner);
      turns.push(turn);
      void turn.granted.then(() => {
        order.push(owner);
        turn.release();
      });
    }
    await Promise.all(turns.map(({ granted }) => granted));
    expect(order).to.deep.equal(['a', 'a', 'b', 'c', 'a', 'b']);
  });

  it("slots - are never all one owner's where each may have so many", async () => {
    const slots = new Slots(3, 2);
    const order: string[] = [];
    const turns = ['greedy', 'greedy', 'greedy', 'other'].map((owner) => {
      const turn = slots.take(owner);
      void turn.granted.then(() => order.push(owner));
      return turn;
    });
    await turns[3]?.granted;
    expect(order).to.deep.equal(['greedy', 'greedy', 'other']);
    expect(slots.waiting).to.equal(1);
    turns[3]?.release();
    turns[0]?.release();
    await turns[2]?.granted;
  });

  it('quota - refuses what does not fit with busy and takes it once there is room', () => {
    const quota = new Quota(1_000_000);
    const { release } = quota.charge(900_000, 1);
    expect(() => quota.charge(200_000, 1))
      .to.throw()
      .with.property('code', 'ERR_QUEUE_FULL');
    expect(() => quota.charge(0, 2), 'small ones count too').to.throw();
    release();
    expect(quota.used).to.equal(0);
    quota.charge(200_000, 1);
  });

  /** A peer that has not been given leave to send, unless `since` says so. */
  const asker = (peer: string, since?: number, arrived = 0, callOff = () => {}): Asker => ({
    peer,
    sinceMs: () => since,
    arrived: () => arrived,
    callOff,
  });

  it('quota - a peer asks for half of what others left at most, or for one transfer', () => {
    const quota = new Quota(1_000_000);
    const { release } = quota.ask(700_000, asker('one'));
    expect(() => quota.ask(1, asker('one')))
      .to.throw()
      .with.property('code', 'ERR_QUEUE_FULL');
    quota.ask(100_000, asker('other')).release();
    release();
    quota.ask(250_000, asker('one'));
    quota.ask(250_000, asker('one'));
    expect(() => quota.ask(1, asker('one'))).to.throw();
    quota.ask(400_000, asker('other'));
    expect(quota.used).to.equal(900_000);
    expect(() => quota.ask(80_000, asker('third')), 'what is kept').to.throw();
    quota.ask(1, asker('third'));
  });

  it('quota - what is unknown counts as it comes', () => {
    const quota = new Quota(1_000_000);
    const charge = quota.ask(undefined, asker('one'));
    expect(quota.used).to.equal(65_536);
    charge.reach(500_000);
    charge.reach(400_000);
    expect(quota.used).to.equal(500_000);
    expect(() => charge.reach(990_000))
      .to.throw()
      .with.property('code', 'ERR_QUEUE_FULL');
    charge.release();
    charge.release();
    charge.reach(900_000);
    expect(quota.used).to.equal(0);
  });

  it('quota - who may send and does not makes room when another finds none', () => {
    const quota = new Quota(1_000_000);
    const off: string[] = [];
    const ask = (name: string, since: number | undefined, arrived: number): unknown =>
      quota.ask(
        200_000,
        asker(name, since, arrived, () => off.push(name)),
      );
    ask('waits for leave', undefined, 0);
    ask('has begun just now', 1_000, 0);
    ask('keeps its pace', 10_000, 170_000);
    ask('is slow', 10_000, 100_000);
    expect(off).to.deep.equal([]);
    ask('new', undefined, 0);
    expect(off).to.deep.equal(['is slow']);
    expect(() => ask('late', undefined, 0)).to.throw();
  });

  it('slots - each owner takes half of what others left', async () => {
    const slots = new Slots(64, 'share');
    const held = async (key: string): Promise<number> => {
      let count = 0;
      for (let turn = 0; turn < 64; turn += 1) void slots.take(key).granted.then(() => (count += 1));
      await new Promise(setImmediate);
      return count;
    };
    expect([await held('one'), await held('two'), await held('three'), await held('four')]).to.deep.equal([
      32, 16, 8, 4,
    ]);
  });

  it('slots - who holds one and does not send is called off while another owner waits, and not before', async () => {
    const clock = new VirtualClock();
    const slots = new Slots(3, 'share', clock);
    const calledOff: string[] = [];
    const hold = (peer: string, arrived: number, name = peer): Turn => {
      const began = clock.now();
      const callOff = (): void => {
        calledOff.push(name);
        turn.release();
      };
      const turn = slots.take(peer, { ...asker(peer, 0, arrived, callOff), sinceMs: () => clock.now() - began });
      return turn;
    };
    hold('idle', 0);
    hold('slow', 20_000);
    hold('busy', 10_000_000);
    clock.advance(60_000);
    expect(calledOff, 'nobody waits').to.deep.equal([]);
    const own = hold('idle', 0, 'another of its own');
    clock.advance(10_000);
    expect(calledOff, 'who waits has its share').to.deep.equal([]);
    const honest = hold('honest', 1_000_000);
    clock.advance(2_001);
    expect(calledOff).to.deep.equal(['idle']);
    await honest.granted;
    clock.advance(2_001);
    expect(calledOff, 'who had a turn comes after those who had none').to.deep.equal(['idle', 'slow']);
    await own.granted;
    clock.advance(60_000);
    expect(calledOff, 'nobody waits').to.have.length(2);
    own.release();
    honest.release();
    expect(clock.pending).to.equal(0);
  });

  it('progress - is reported at most ten times a second, and at the end', () => {
    const clock = new VirtualClock();
    const reports: number[] = [];
    const meter = new Meter(clock, (bytes) => reports.push(bytes));
    for (let ms = 1; ms <= 1000; ms++) {
      clock.advance(1);
      meter.moved(ms, ms === 1000);
    }
    expect(reports).to.have.lengthOf.within(9, 11);
    expect(reports.at(-1)).to.equal(1000);
  });
});
