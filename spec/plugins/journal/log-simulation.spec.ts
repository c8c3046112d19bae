import { describe, it } from 'mocha';
import { simulateLog } from './simulate-log.ts';

const seeds = 10_000;

describe('journal, simulation', () => {
  it(`disk - tears, fills up and fails in ${seeds} seeds: what was acknowledged is there, and nothing else than what was written`, async function () {
    this.timeout(300_000);
    for (let seed = 1; seed <= seeds; seed++) await simulateLog(seed);
  });
});
