import { describe, it } from 'mocha';
import { simulateLogs } from './simulate-log.ts';

const seeds = 100_000;

describe('journal, long simulation', () => {
  it(`disk - tears, fills up and fails in ${seeds} further seeds`, async function () {
    this.timeout(1_800_000);
    await simulateLogs(10_001, seeds);
  });
});
