import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { Groups } from '../../../lib/plugins/fleet/index.ts';
import { until } from '../../support/buses.ts';
import { CrewWorld, file } from './crew-world.ts';

describe('what a fleet prints and eats', function () {
  this.timeout(60_000).slow(3_000);
  let world: CrewWorld;

  afterEach(() => world.end());

  async function started(groups: Groups): Promise<CrewWorld> {
    world = new CrewWorld(groups);
    return world.start();
  }

  it('output: prefix - lines are told with their process, the last one too', async () => {
    await started({
      says: { file, args: ['prints'] },
      thread: { file, args: ['prints'], thread: true },
      quiet: { file, args: ['prints'], output: 'ignore' },
      still: { file, args: ['prints'], output: 'ignore', thread: true },
    });
    await world.crew.stop();
    const of = (name: string): string[] => world.lines.filter((line) => line.startsWith(name)).sort();
    for (const name of ['says 1', 'thread 1']) {
      expect(of(name)).to.deep.equal([
        `${name} stderr: third`,
        `${name} stdout: first`,
        `${name} stdout: second`,
        `${name} stdout: without an end`,
      ]);
    }
    expect(of('quiet').concat(of('still'))).to.deep.equal([]);
  });

  it('maxMemoryBytes - a process with more is replaced by one that is ready first', async () => {
    const { server } = await started({ eats: { file, args: ['eats'], maxMemoryBytes: 200 * 1_048_576 } });
    const [pid] = world.pids('eats');
    void server.connections[0]?.send(300);
    await until(() => world.told.some((line) => line.startsWith('down')), 'it to end');
    expect(world.told).to.deep.equal(['up eats 1', 'up eats 1', 'down eats 1 memory 0 null']);
    expect(world.pids('eats')).to.not.deep.equal([pid]);
  });
});
