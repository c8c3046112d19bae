import { describe, it } from 'mocha';
import { simulateLogs } from './simulate-log.ts';

const seeds = 10_000;

describe('journal, simulation', () => {
  it(`disk - tears, fills up and fails in ${seeds} seeds: what was acknowledged is there, and nothing else than what was written`, async function () {
    this.timeout(300_000);
    await simulateLogs(1, seeds);
  });
});
