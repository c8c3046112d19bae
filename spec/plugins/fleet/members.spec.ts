import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { Groups } from '../../../lib/plugins/fleet/index.ts';
import { callOptions } from '../../../lib/plugins/rpc/index.ts';
import { rejected, until } from '../../support/buses.ts';
import { CrewWorld, file } from './crew-world.ts';

interface Work {
  echo(value: unknown): [unknown, number];
  slow(ms: number): number;
  tell(): void;
}

interface Box {
  add(one: number): number;
}

describe('fleet of members', function () {
  this.timeout(60_000).slow(3_000);
  let world: CrewWorld;

  afterEach(() => world.end());

  async function started(groups: Groups): Promise<CrewWorld> {
    world = new CrewWorld(groups);
    return world.start();
  }

  it('a process is ready when it is a member, which `connect()` waits for', async () => {
    world = new CrewWorld({ work: { file, args: ['member'], count: 2 } });
    const joined: number[] = [];
    world.crew.on('up', () => joined.push(world.hub.members('work').length));
    await world.start();
    expect(joined[0]).to.be.above(0);
    expect(joined[1]).to.equal(2);
  });

  it('restart - another one is ready before one ends; calls, messages and keys are not lost', async () => {
    const { crew, hub } = await started({ work: { file, args: ['member', ''], count: 2 } });
    const work = hub.service<Work>('work');
    const box = hub.service<Box>('box').key('one');
    const before = world.pids('work');
    const slow = [work.call.slow(600), work.call.slow(600)];
    let calls = 0;
    let boxed = 0;
    let isOn = true;
    const load = (async () => {
      while (isOn) {
        await work.call.echo(calls);
        calls += 1;
        boxed = await box.call.add(1);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    await crew.restart('work');
    isOn = false;
    await load;
    expect((await Promise.all(slow)).sort()).to.deep.equal([...before].sort());
    expect(boxed).to.equal(calls);
    const after = world.pids('work');
    expect([after.length, after.some((pid) => before.includes(pid))]).to.deep.equal([2, false]);
    expect(world.told.slice(2)).to.deep.equal([
      'up work 1',
      'down work 1 restarted 0 null',
      'up work 2',
      'down work 2 restarted 0 null',
    ]);
  });

  it('restart - messages that were sent to one that ends arrive there', async () => {
    world = new CrewWorld({ work: { file, args: ['member', join('/tmp', `told-${process.pid}`)], count: 2 } });
    const notes = join('/tmp', `told-${process.pid}`);
    const { crew, hub } = await world.start();
    const { notify } = hub.service<Work>('work');
    let sent = 0;
    const timer = setInterval(() => {
      for (let one = 0; one < 20; one++, sent++) void notify.tell();
    }, 2);
    await crew.restart('work');
    clearInterval(timer);
    await crew.stop();
    const told = readFileSync(notes, 'utf8').trim().split('\n').map(Number);
    expect([told.length, told.reduce((all, one) => all + one, 0)]).to.deep.equal([4, sent]);
  });

  it('restart - a successor that does not get ready leaves the one before where it is', async () => {
    const { crew } = await started({ work: { file, args: ['member'], env: { NODE_OPTIONS: '' } } });
    const before = world.pids('work');
    process.env['NODE_OPTIONS'] = '--no-such-option';
    try {
      // Its own environment goes over that of this process.
      await crew.restart('work');
    } finally {
      delete process.env['NODE_OPTIONS'];
    }
    expect(world.pids('work')).to.not.deep.equal(before);
  });

  it('one that is killed - its calls reject or are asked again, and its place is filled', async () => {
    const { hub } = await started({ work: { file, args: ['member'] } });
    const work = hub.service<Work>('work');
    const lost = rejected(work.call.slow(10_000));
    const again = work.call.echo('x', callOptions({ idempotent: true, timeout: 20_000 }));
    process.kill(world.pids('work')[0] ?? 0, 'SIGKILL');
    expect(await lost).to.have.property('code', 'ERR_SESSION_LOST');
    expect((await again)[0]).to.equal('x');
    await until(() => world.states[0] === 'work 1 up');
  });

  it('requestsPerSecond, memoryBytes and cpu - are measured each second', async () => {
    const { crew, hub } = await started({ work: { file, args: ['member'] } });
    const work = hub.service<Work>('work');
    const timer = setInterval(() => void work.call.echo(1), 10);
    await until(() => (crew.status()[0]?.cpu ?? 0) > 0 && (crew.status()[0]?.requestsPerSecond ?? 0) > 5);
    clearInterval(timer);
    expect(crew.status()[0]?.memoryBytes).to.be.within(10_000_000, 1_000_000_000);
  });

  it('threads - are started, replaced and ended as processes are', async () => {
    const { crew, hub } = await started({ work: { file, args: ['member'], count: 2, thread: true } });
    const work = hub.service<Work>('work');
    expect(await work.call.echo('x')).to.deep.equal(['x', process.pid]);
    let calls = 0;
    const timer = setInterval(() => void work.call.echo(1).then(() => (calls += 1)), 5);
    await crew.restart('work');
    clearInterval(timer);
    expect(calls).to.be.above(0);
    expect(world.told.slice(2)).to.deep.equal([
      'up work 1',
      'down work 1 restarted 0 null',
      'up work 2',
      'down work 2 restarted 0 null',
    ]);
  });
});
