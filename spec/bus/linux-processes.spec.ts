import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { afterEach, before, describe, it } from 'mocha';
import { linuxProcesses } from '../../lib/bus/linux-processes.ts';
import { until } from '../support/buses.ts';
import { markOf } from '../support/marks.ts';

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
    const module = new URL('../../lib/bus/linux-processes.js', import.meta.url).href;
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
