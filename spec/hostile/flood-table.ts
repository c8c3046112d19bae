import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { Arena, type Cell, isOver, mostDescriptors, mostHeldMs, mostPingMs, mostSpareMiB, tableOf } from './arena.ts';
import type { Flood } from './flood.ts';

/** One measured cell for each flood, all within the bounds. */
export function floodTable(title: string, floods: readonly Flood[], bytes: number): void {
  (process.platform === 'linux' ? describe : describe.skip)(title, () => {
    const cells = new Map<string, Cell>();
    let arena: Arena;

    before(async () => {
      arena = await new Arena().open();
    });

    after(async () => {
      await arena.close();
      if (process.env['FLOOD_TABLE'] !== undefined) process.stdout.write(`${tableOf(cells)}\n`);
    });

    function hold(name: string, cell: Cell, limitMiB: number): void {
      cells.set(name, cell);
      const bounds = `${limitMiB + mostSpareMiB} MiB, ${mostHeldMs} ms, ${mostPingMs} ms, ${mostDescriptors} descriptors`;
      expect(isOver(cell, limitMiB), `${JSON.stringify(cell)}, at most ${bounds}`).to.equal(false);
    }

    for (const flood of floods) {
      it(`${flood.name}, ${flood.entry} - costs memory within the limits, and nobody's time`, async function () {
        this.timeout(60_000);
        hold(`${flood.name}, ${flood.entry}`, await arena.suffer(flood, bytes), flood.limitMiB);
      });
    }

    it('peers that come and go - cost the same', async function () {
      this.timeout(60_000);
      hold('come and go, 500', await arena.comeAndGo(500, 32), 32);
    });

    it('peers that read and answer nothing - cost the same', async function () {
      this.timeout(60_000);
      hold('20 that read and answer nothing', await arena.ignoreAll(20, 50, 32), 32);
    });
  });
}
