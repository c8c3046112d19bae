import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { ProcessWatch } from '../../lib/bus/process-watch.ts';
import { VirtualClock } from '../../lib/testing/index.ts';
import type { ProcessMark } from '../../lib/wire/hello.ts';

const here = { pid: 1, start: 10, place: 'here' };
const other = { pid: 2, start: 20, place: 'here' };

describe('process watch', () => {
  let clock: VirtualClock;
  let looks: number[];
  let dead: Set<number>;
  let own: ProcessMark | undefined;
  let watch: ProcessWatch;
  let gone: number[];

  const died = (): void => void gone.push(clock.now());

  beforeEach(() => {
    clock = new VirtualClock();
    looks = [];
    dead = new Set();
    gone = [];
    own = here;
    watch = new ProcessWatch(clock, {
      own: () => own,
      isGone({ pid }) {
        looks.push(clock.now());
        return dead.has(pid);
      },
    });
  });

  it('a process that is gone - is reported once, and not from inside the call', async () => {
    dead.add(2);
    watch.watch(other, died);
    expect(gone).to.deep.equal([]);
    await clock.run(1_000);
    expect(gone).to.have.lengthOf(1);
    expect(looks).to.have.lengthOf(1);
    expect(clock.pending).to.equal(0);
  });

  for (const ms of [1, 2, 5, 10, 15]) {
    it(`a process that is gone ${ms} ms after its link - is reported within 25 ms`, async () => {
      watch.watch(other, died);
      await clock.run(ms);
      dead.add(2);
      await clock.run(25 - ms);
      expect(gone).to.have.lengthOf(1);
    });
  }

  it('a process that goes on for long after its link - is reported after a quarter of that time more, at few looks', async () => {
    watch.watch(other, died);
    await clock.run(60_000);
    dead.add(2);
    await clock.run(15_000);
    expect(gone).to.have.lengthOf(1);
    expect(looks.length).to.be.within(20, 60);
  });

  it('many links of one process - are looked at as one', async () => {
    for (let link = 0; link < 1_000; link++) watch.watch(other, () => died());
    await clock.run(20);
    expect(looks.length).to.be.below(16);
    dead.add(2);
    await clock.run(20);
    expect(gone).to.have.lengthOf(1_000);
    expect(clock.pending).to.equal(0);
  });

  it('another link that is lost - is looked at from the beginning', async () => {
    watch.watch(other, died);
    await clock.run(10_000);
    watch.watch({ ...other }, () => died());
    dead.add(2);
    await clock.run(1);
    expect(gone).to.have.lengthOf(2);
  });

  it('whoever has stopped - hears nothing, and the others do', async () => {
    const stop = watch.watch(other, died);
    watch.watch(other, () => void gone.push(-1));
    stop();
    dead.add(2);
    await clock.run(20);
    expect(gone).to.deep.equal([-1]);
    const stopLast = watch.watch({ ...other, start: 21 }, died);
    stopLast();
    stopLast();
    expect(clock.pending).to.equal(0);
  });

  it('a process of another place, this one, and all where the system does not tell - are not looked for', async () => {
    dead.add(1).add(2);
    watch.watch({ ...other, place: 'elsewhere' }, died);
    watch.watch(here, died);
    own = undefined;
    new ProcessWatch(clock, { own: () => own, isGone: () => true }).watch(other, died);
    await clock.run(1_000);
    expect([gone, looks, clock.pending]).to.deep.equal([[], [], 0]);
  });
});
