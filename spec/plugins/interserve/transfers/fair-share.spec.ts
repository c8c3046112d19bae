import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  FairSemaphore,
  type Permit,
  type PreemptibleUpload,
  Quota,
} from '../../../../lib/plugins/interserve/transfers/fair-share.ts';
import { VirtualClock } from '../../../../lib/testing/virtual-clock.ts';

describe('interserve fair shares', () => {
  it('permits - are granted in order, and a place given back is skipped', async () => {
    const semaphore = new FairSemaphore(1);
    const order: string[] = [];
    const permits = ['a', 'b', 'c'].map((name) => {
      const permit = semaphore.acquire();
      void permit.granted.then(() => order.push(name));
      return permit;
    });
    await Promise.resolve();
    permits[1]?.release();
    permits[0]?.release();
    permits[0]?.release();
    await permits[2]?.granted;
    expect(order).to.deep.equal(['a', 'c']);
    expect(semaphore.waiting).to.equal(0);
    permits[2]?.release();
    await semaphore.acquire().granted;
  });

  it('permits - that become free go to the owner that holds the fewest', async () => {
    const semaphore = new FairSemaphore(3);
    const order: string[] = [];
    const permits = ['greedy', 'greedy', 'greedy', 'greedy', 'modest', 'late'].map((owner) => {
      const permit = semaphore.acquire(owner);
      void permit.granted.then(() => order.push(owner));
      return permit;
    });
    permits[0]?.release();
    permits[1]?.release();
    await Promise.resolve();
    expect(order).to.deep.equal(['greedy', 'greedy', 'greedy', 'modest', 'late']);
    for (const permit of permits.slice(2)) permit.release();
    expect(semaphore.waiting).to.equal(0);
    await semaphore.acquire('late').granted;
  });

  it('permits - go round among owners that hold the same, however much the first one wants', async () => {
    const semaphore = new FairSemaphore(1);
    const order: string[] = [];
    const permits: Permit[] = [];
    for (const owner of ['a', 'a', 'a', 'b', 'b', 'c']) {
      const permit = semaphore.acquire(owner);
      permits.push(permit);
      void permit.granted.then(() => {
        order.push(owner);
        permit.release();
      });
    }
    await Promise.all(permits.map(({ granted }) => granted));
    expect(order).to.deep.equal(['a', 'a', 'b', 'c', 'a', 'b']);
  });

  it("permits - are never all one owner's where each may have so many", async () => {
    const semaphore = new FairSemaphore(3, 2);
    const order: string[] = [];
    const permits = ['greedy', 'greedy', 'greedy', 'other'].map((owner) => {
      const permit = semaphore.acquire(owner);
      void permit.granted.then(() => order.push(owner));
      return permit;
    });
    await permits[3]?.granted;
    expect(order).to.deep.equal(['greedy', 'greedy', 'other']);
    expect(semaphore.waiting).to.equal(1);
    permits[3]?.release();
    permits[0]?.release();
    await permits[2]?.granted;
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
  const uploadOf = (peer: string, since?: number, arrived = 0, preempt = () => {}): PreemptibleUpload => ({
    peer,
    sinceMs: () => since,
    arrived: () => arrived,
    preempt,
  });

  it('quota - a peer asks for half of what others left at most, or for one transfer', () => {
    const quota = new Quota(1_000_000);
    const { release } = quota.chargeUpload(700_000, uploadOf('one'));
    expect(() => quota.chargeUpload(1, uploadOf('one')))
      .to.throw()
      .with.property('code', 'ERR_QUEUE_FULL');
    quota.chargeUpload(100_000, uploadOf('other')).release();
    release();
    quota.chargeUpload(250_000, uploadOf('one'));
    quota.chargeUpload(250_000, uploadOf('one'));
    expect(() => quota.chargeUpload(1, uploadOf('one'))).to.throw();
    quota.chargeUpload(400_000, uploadOf('other'));
    expect(quota.used).to.equal(900_000);
    expect(() => quota.chargeUpload(80_000, uploadOf('third')), 'what is kept').to.throw();
    quota.chargeUpload(1, uploadOf('third'));
  });

  it('quota - what is unknown counts as it comes', () => {
    const quota = new Quota(1_000_000);
    const charge = quota.chargeUpload(undefined, uploadOf('one'));
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
      quota.chargeUpload(
        200_000,
        uploadOf(name, since, arrived, () => off.push(name)),
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

  it('permits - each owner takes half of what others left', async () => {
    const semaphore = new FairSemaphore(64, 'share');
    const held = async (key: string): Promise<number> => {
      let count = 0;
      for (let permit = 0; permit < 64; permit += 1) void semaphore.acquire(key).granted.then(() => (count += 1));
      await new Promise(setImmediate);
      return count;
    };
    expect([await held('one'), await held('two'), await held('three'), await held('four')]).to.deep.equal([
      32, 16, 8, 4,
    ]);
  });

  it('permits - a slow upload loses its own while another owner waits, and not before', async () => {
    const clock = new VirtualClock();
    const semaphore = new FairSemaphore(3, 'share', clock);
    const preempted: string[] = [];
    const hold = (peer: string, arrived: number, name = peer): Permit => {
      const began = clock.now();
      const preempt = (): void => {
        preempted.push(name);
        permit.release();
      };
      const permit = semaphore.acquire(peer, {
        ...uploadOf(peer, 0, arrived, preempt),
        sinceMs: () => clock.now() - began,
      });
      return permit;
    };
    hold('idle', 0);
    hold('slow', 20_000);
    hold('busy', 10_000_000);
    clock.advance(60_000);
    expect(preempted, 'nobody waits').to.deep.equal([]);
    const own = hold('idle', 0, 'another of its own');
    clock.advance(10_000);
    expect(preempted, 'who waits has its share').to.deep.equal([]);
    const honest = hold('honest', 1_000_000);
    clock.advance(2_001);
    expect(preempted).to.deep.equal(['idle']);
    await honest.granted;
    clock.advance(2_001);
    expect(preempted, 'who had a turn comes after those who had none').to.deep.equal(['idle', 'slow']);
    await own.granted;
    clock.advance(60_000);
    expect(preempted, 'nobody waits').to.have.length(2);
    own.release();
    honest.release();
    expect(clock.pending).to.equal(0);
  });
});
