import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { beforeEach, describe, it, afterEach, before } from 'mocha';
import { linuxProcesses, type ProcessMark } from '../../lib/base/process-table.ts';
import { ProcessWatch } from '../../lib/bus/process/process-watch.ts';
import { VirtualClock } from '../../lib/testing/index.ts';
import { until } from '../support/buses.ts';
import { markOf } from '../support/marks.ts';

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

import process from 'node:process';

describe('processes of Linux', () => {
  let child: ChildProcess | undefined;

  before(function () {
    if (process.platform !== 'linux') this.skip();
  });

  afterEach(() => {
    child?.kill('SIGKILL');
  });

  it('this one - has its pid, and the same mark each time and in a worker', async () => {
    const own = linuxProcesses.own();
    expect(own).to.include({ pid: process.pid });
    expect(own?.start).to.be.above(0);
    expect(own?.place).to.match(/^[\da-f-]{36} pid:\[\d+\] (?:time:\[\d+\])?$/);
    expect(linuxProcesses.own()).to.deep.equal(own);
    const module = new URL('../../lib/base/process-table.js', import.meta.url).href;
    const code = `import(${JSON.stringify(module)}).then(({ linuxProcesses }) =>
      require('node:worker_threads').parentPort.postMessage(linuxProcesses.own()))`;
    const worker = new Worker(code, { eval: true });
    const [there] = (await once(worker, 'message')) as unknown[];
    await worker.terminate();
    expect(there).to.deep.equal(own);
  });

  it('one that runs, also stopped - is not gone; killed, it is', async () => {
    child = spawn('sleep', ['100']);
    const mark = markOf(child.pid!);
    expect(linuxProcesses.isGone(mark)).to.equal(false);
    child.kill('SIGSTOP');
    expect(linuxProcesses.isGone(mark)).to.equal(false);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await until(() => linuxProcesses.isGone(mark));
    await exited;
    expect(linuxProcesses.isGone(mark)).to.equal(true);
  });

  it('one that ended, and that nobody has waited for - is gone', async () => {
    child = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 100']);
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    const pid = Number(line.toString());
    const mark = markOf(pid);
    await until(() => linuxProcesses.isGone(mark));
    expect(process.kill(pid, 0), 'it can be signalled still').to.equal(true);
  });

  it('one that has the pid of an earlier one - is another', () => {
    const own = linuxProcesses.own()!;
    expect(linuxProcesses.isGone(own)).to.equal(false);
    expect(linuxProcesses.isGone({ ...own, start: own.start - 1 })).to.equal(true);
  });

  it('one that init is - is not gone, whoever may look at it', () => {
    expect(linuxProcesses.isGone(markOf(1))).to.equal(false);
  });

  it('pids that there cannot be - are gone, or nothing is known of them', () => {
    for (const pid of [0, 4_194_305, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      expect(linuxProcesses.isGone({ ...markOf(1), pid }), String(pid)).to.be.a('boolean');
    }
  });
});
