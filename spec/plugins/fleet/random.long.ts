import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { BusError } from '../../../lib/index.ts';
import { SeededRandom } from '../../../lib/testing/index.ts';
import { sleep } from '../../support/buses.ts';
import { CrewWorld, file, isAlive } from './crew-world.ts';

/** What a fleet is asked for, one while another is under way. */
const asks = ['kill', 'kill', 'restart', 'restart', 'scale', 'scale', 'stop', 'start'] as const;

describe('a fleet that is asked for everything at once', function () {
  this.timeout(300_000);

  for (const thread of [false, true]) {
    it(`${thread ? 'threads' : 'processes'} - each ask settles, all are up at the end, and none is left behind`, async () => {
      const random = new SeededRandom(thread ? 2 : 1);
      const below = (count: number): number => Math.floor(random.unit() * count);
      const limit = [1_000, 30_000] as const;
      const world = new CrewWorld({
        a: { file, args: ['member', ''], count: 2, limit, thread, strategy: 'rest-for-one' },
        b: { file, args: ['plain'], after: ['a'], limit, thread },
      });
      const pids = new Set<number>();
      world.crew.on('up', ({ pid = 0 }) => pids.add(pid));
      await world.start();
      const { crew, server } = world;
      const group = (): string => (below(2) === 0 ? 'a' : 'b');
      const ask: Record<(typeof asks)[number], () => Promise<void>> = {
        async kill() {
          const up = crew.status().filter(({ pid }) => pid !== undefined);
          const { pid } = up[below(up.length)] ?? {};
          if (thread) server.connections[below(server.connections.length)]?.destroy();
          else if (pid !== undefined) process.kill(pid, 'SIGKILL');
        },
        restart: () => crew.restart(group()),
        scale: () => crew.scale(group(), below(4)),
        async stop() {
          await crew.stop();
          await crew.start();
        },
        start: () => crew.start(),
      };
      const failed: unknown[] = [];
      const open: Promise<void>[] = [];
      for (let round = 0; round < 200; round++) {
        const name = asks[below(asks.length)] ?? 'start';
        open.push(
          ask[name]().catch((error: BusError) => {
            if (!['ERR_CLOSED', 'ERR_STATE', 'ERR_SPAWN', 'ESRCH'].includes(error.code)) failed.push([name, error]);
          }),
        );
        await sleep(below(300));
      }
      await Promise.all(open);
      expect(failed).to.deep.equal([]);
      await crew.start();
      await crew.scale('a', 2);
      await crew.scale('b', 1);
      expect(world.states).to.deep.equal(['a 1 up', 'a 2 up', 'b 1 up']);
      expect(server.connections).to.have.lengthOf(3);
      await world.end();
      if (!thread) expect([...pids].filter(isAlive)).to.deep.equal([]);
    });
  }
});
