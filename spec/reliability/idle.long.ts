import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { sleep } from '../support/buses.ts';
import { figure } from './figures.ts';
import { type Program, Stage } from './process.ts';

interface Usage {
  readonly count: number;
  readonly heldBytes: number;
  readonly residentBytes: number;
  /** What the process has used of a core, before and after it answered. */
  readonly cpuMs: number;
  readonly cpuMsAfter: number;
}

const most = 10_000;
const idleMs = 60_000;
const inKiB = (bytes: number): number => Math.round((bytes / 1_024) * 100) / 100;

describe('idle connections', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  const usage = (program: Program): Promise<Usage> => program.ask<Usage>({ ask: 'usage' });

  /** Waits until the program counts `count`. */
  async function settled(program: Program, count: number): Promise<Usage> {
    const until = Date.now() + 60_000;
    for (;;) {
      const now = await usage(program);
      if (now.count === count) return now;
      expect(Date.now(), `the program counts ${now.count}, not ${count}`).to.be.below(until);
      await sleep(100);
    }
  }

  it(`${most} bare sockets - to compare with`, async () => {
    const path = stage.path('s');
    const server = await stage.program('sockets', { path });
    const before = await usage(server);
    await stage.program('sockets', { path, count: most });
    const with10k = await settled(server, most);
    figure('14, bare sockets', {
      heldKiBEach: inKiB((with10k.heldBytes - before.heldBytes) / most),
      residentKiBEach: inKiB((with10k.residentBytes - before.residentBytes) / most),
    });
  });

  for (const [name, options, mostKiB] of [
    ['plain', {}, 6],
    ['compression agreed on and not used', { compress: true }, 8],
    ['net-ipc', { native: false }, 6],
  ] as const) {
    it(`${most} connections, ${name} - cost ${mostKiB} KiB each at most, little CPU, and nothing once they left`, async () => {
      const path = stage.path('s');
      const server = await stage.program('server', { options: { path, sessionGraceMs: 0 } });
      // What the first connections of a process cost is not theirs.
      const first = await stage.program('client', { options: { path, ...options }, clients: 100 });
      await first.kill();
      const before = await settled(server, 0);
      const clients = await stage.program('client', { options: { path, ...options }, clients: most });
      const with10k = await settled(server, most);
      await sleep(idleMs);
      const later = await usage(server);
      await clients.kill();
      const after = await settled(server, 0);
      const figures = {
        heldKiBEach: inKiB((later.heldBytes - before.heldBytes) / most),
        residentKiBEach: inKiB((later.residentBytes - before.residentBytes) / most),
        leftPercent: Math.round((100 * (after.heldBytes - before.heldBytes)) / (later.heldBytes - before.heldBytes)),
        cpuPercent: Math.round((1_000 * (later.cpuMs - with10k.cpuMsAfter)) / idleMs) / 10,
      };
      figure(`14, ${name}`, figures);
      expect(figures.heldKiBEach).to.be.at.most(mostKiB);
      expect(figures.leftPercent).to.be.at.most(10);
      expect(figures.cpuPercent).to.be.below(5);
    });
  }
});
