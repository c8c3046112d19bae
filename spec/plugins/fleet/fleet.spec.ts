import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { Groups } from '../../../lib/plugins/fleet/index.ts';
import { next, rejected, until } from '../../support/buses.ts';
import { CrewWorld, file, isAlive } from './crew-world.ts';

describe('fleet', function () {
  this.timeout(60_000).slow(3_000);
  let world: CrewWorld;

  afterEach(() => world.end());

  async function started(groups: Groups): Promise<CrewWorld> {
    world = new CrewWorld(groups);
    return world.start();
  }

  it('start, stop - in their order, and each process knows its place', async () => {
    const notes = join(mkdtempSync(join(tmpdir(), 'bb-')), 'notes');
    world = new CrewWorld({
      last: { file, args: ['notes', notes], after: ['middle', 'hub'] },
      middle: { file, args: ['notes', notes], count: 2, after: ['first'] },
      first: { file, args: ['notes', notes] },
    });
    const { crew } = world;
    expect(world.states).to.deep.equal(['last 1 stopped', 'middle 1 stopped', 'middle 2 stopped', 'first 1 stopped']);
    await world.server.start();
    const ready = crew.start();
    expect(world.states).to.include('last 1 waiting');
    await ready;
    expect(world.states).to.deep.equal(['last 1 up', 'middle 1 up', 'middle 2 up', 'first 1 up']);
    for (const { pid, upSince, restarts } of crew.status()) {
      expect(pid !== undefined && isAlive(pid)).to.equal(true);
      expect([Date.now() - Number(upSince) < 60_000, restarts]).to.deep.equal([true, 0]);
    }
    await crew.start();
    await crew.stop();
    expect(world.states).to.deep.equal(['last 1 stopped', 'middle 1 stopped', 'middle 2 stopped', 'first 1 stopped']);
    const lines = readFileSync(notes, 'utf8').trim().split('\n');
    const twins = (from: number): string[] => lines.slice(from, from + 2).sort();
    expect([lines[0], twins(1), lines[3]]).to.deep.equal(['+first-1', ['+middle-1', '+middle-2'], '+last-1']);
    expect([lines[4], twins(5), lines[7]]).to.deep.equal(['-last-1', ['-middle-1', '-middle-2'], '-first-1']);
    expect(world.told.at(-1)).to.equal('down first 1 stopped 0 null');
    rmSync(dirname(notes), { recursive: true });
  });

  it('a process that dies - gets a successor, and the others go on', async () => {
    const { crew } = await started({ zones: { file, args: ['plain'], count: 2 } });
    const [one = 0, two] = world.pids('zones');
    process.kill(one, 'SIGKILL');
    await next(crew, 'up');
    const [successor, other] = crew.status();
    expect(other).to.deep.include({ pid: two, restarts: 0 });
    expect(successor).to.deep.include({ state: 'up', restarts: 1 });
    expect(successor?.pid).to.not.equal(one);
    expect(world.told.filter((line) => line.startsWith('down'))).to.deep.equal(['down zones 1 died null SIGKILL']);
  });

  it('a process that closes its client and stays - is ended, and gets a successor', async () => {
    const { crew, server } = await started({ odd: { file, args: ['stubborn'], stopTimeoutMs: 300 } });
    const [connection] = server.connections;
    const isUp = next(crew, 'up');
    await connection?.close();
    await isUp;
    expect(world.told.slice(1)).to.deep.equal(['down odd 1 died null SIGKILL', 'up odd 1']);
  });

  it('a process that dies at once - is given up after its limit, and the rest goes on', async () => {
    world = new CrewWorld({ bad: { file, args: ['dies'], limit: [3, 30_000] }, good: { file, args: ['plain'] } });
    const error = await world.failure();
    expect(error).to.have.property('code', 'ERR_SPAWN');
    expect(error.message).to.equal(
      'bad 1 died 3 times in 30000 ms, at last: bad 1 ended with exit code 3 before it was ready',
    );
    await until(() => world.states.includes('good 1 up'));
    expect(world.states).to.deep.equal(['bad 1 given-up', 'good 1 up']);
    expect(world.told.filter((line) => line.includes('bad'))).to.deep.equal([
      ...Array<string>(3).fill('down bad 1 died 3 null'),
      'givenUp bad 1 given-up',
    ]);
    expect((await rejected(world.crew.restart('bad'))).message).to.contain('bad 1 died 3 times');
  });

  it('a command that is none - is given up, and named', async () => {
    world = new CrewWorld({ bad: { command: 'no-such-command-anywhere', limit: [2, 30_000] } });
    expect((await world.failure()).message).to.match(
      /bad 1 could not be started: spawn no-such-command-anywhere ENOENT/,
    );
  });

  it('a process that is not ready in time - is ended, and counts as dead', async () => {
    world = new CrewWorld({ deaf: { file, args: ['deaf'], readyTimeoutMs: 700, limit: [2, 60_000] } });
    const error = await world.failure();
    expect([error.code, error.message.startsWith('deaf 1 died 2 times')]).to.deep.equal(['ERR_SPAWN', true]);
    expect(world.told.slice(0, 2)).to.deep.equal(Array(2).fill('down deaf 1 not-ready null SIGTERM'));
  });

  it('stop - while processes start, leaves none', async () => {
    world = new CrewWorld({ deaf: { file, args: ['deaf'], count: 3 }, behind: { file, after: ['deaf'] } });
    await world.server.start();
    const failure = rejected(world.crew.start());
    await world.crew.stop();
    expect(await failure).to.have.property('code', 'ERR_CLOSED');
    expect(new Set(world.crew.status().map(({ state }) => state))).to.deep.equal(new Set(['stopped']));
    expect(world.told.every((line) => line.startsWith('down deaf'))).to.equal(true);
  });

  it('server.close() - ends the processes first', async () => {
    await started({ zones: { file, args: ['plain'], count: 2 } });
    await world.server.close();
    expect(world.told.slice(2).sort()).to.deep.equal(['down zones 1 stopped 0 null', 'down zones 2 stopped 0 null']);
  });

  it('a process that ignores SIGTERM - is killed, and so is what a process has started', async () => {
    await started({
      stubborn: { file, args: ['stubborn'], stopTimeoutMs: 700 },
      forks: { file, args: ['forks'] },
    });
    await until(() => world.lines.some((line) => line.startsWith('forks 1 stdout: child ')));
    const forked = Number(/child (\d+)/.exec(world.lines.join())?.[1]);
    expect(isAlive(forked)).to.equal(true);
    await world.crew.stop();
    expect(world.told.slice(2).sort()).to.deep.equal([
      'down forks 1 stopped null SIGTERM',
      'down stubborn 1 stopped null SIGKILL',
    ]);
    expect(world.lines).to.include('stubborn 1 stdout: SIGTERM, and so what');
    await until(() => !isAlive(forked), 'what it has started to end');
  });

  it('ready: signal - a process is up when it says so', async () => {
    const { crew } = await started({
      slow: { file, args: ['signals', '300'], ready: 'signal' },
      behind: { file, args: ['plain'], after: ['slow'] },
    });
    expect(world.told).to.deep.equal(['up slow 1', 'up behind 1']);
    expect(crew.status().map(({ state }) => state)).to.deep.equal(['up', 'up']);
  });

  it('ready: signal - a process that never says so is not ready', async () => {
    world = new CrewWorld({
      silent: { file, args: ['plain'], ready: 'signal', readyTimeoutMs: 900, limit: [1, 1_000] },
    });
    expect((await world.failure()).message).to.contain('silent 1 was not ready');
    // It is asked to end by the bus, or by a signal if it has not come so far as that.
    expect(world.told[0]).to.match(/^down silent 1 not-ready (0 null|null SIGTERM)$/);
  });

  it('ready: signal - a process that dies before it says so is down at once', async () => {
    world = new CrewWorld({ early: { file, args: ['unready'], ready: 'signal', limit: [1, 1_000] } });
    const error = await world.failure();
    expect(error.message).to.equal(
      'early 1 died 1 times in 1000 ms, at last: early 1 ended with exit code 4 before it was ready',
    );
    expect(world.told[0]).to.equal('down early 1 died 4 null');
  });

  it('rest-for-one - the groups that come after one that lost a process end, and start again when it is back', async () => {
    const { crew } = await started({
      a: { file, args: ['signals', '400'], ready: 'signal', strategy: 'rest-for-one' },
      b: { file, args: ['plain'], after: ['a'] },
      c: { file, args: ['plain'], after: ['b'] },
      d: { file, args: ['plain'] },
    });
    world.told.length = 0;
    process.kill(world.pids('a')[0] ?? 0, 'SIGKILL');
    await until(() => world.told.includes('up c 1'));
    expect(world.told.filter((line) => line !== 'up a 1')).to.deep.equal([
      'down a 1 died null SIGKILL',
      'down c 1 rest-for-one 0 null',
      'down b 1 rest-for-one 0 null',
      'up b 1',
      'up c 1',
    ]);
    expect(world.told.indexOf('up a 1')).to.be.below(world.told.indexOf('up b 1'));
    expect(crew.status().map(({ restarts }) => restarts)).to.deep.equal([1, 1, 1, 0]);
  });

  it('scale - more and fewer, the last ones first', async () => {
    const { crew } = await started({ zones: { file, args: ['plain'] } });
    await crew.scale('zones', 3);
    expect(world.states).to.deep.equal(['zones 1 up', 'zones 2 up', 'zones 3 up']);
    const [first] = world.pids('zones');
    await crew.scale('zones', 1);
    expect(world.pids('zones')).to.deep.equal([first]);
    expect(world.told.slice(3).sort()).to.deep.equal(['down zones 2 scaled 0 null', 'down zones 3 scaled 0 null']);
    await crew.scale('zones', 0);
    expect(crew.status()).to.deep.equal([]);
    expect((await rejected(crew.scale('zones', -1))).code).to.equal('ERR_INVALID_ARGUMENT');
    expect((await rejected(crew.scale('zone', 1))).message).to.equal('The fleet has no group "zone"; there are zones');
    await crew.stop();
    expect((await rejected(crew.scale('zones', 1))).code).to.equal('ERR_STATE');
  });
});
