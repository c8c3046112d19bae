import { describe, it } from 'mocha';
import { whyNotRun } from '../../bench/availability.ts';
import { scenarios } from '../../bench/scenarios/index.ts';
import { expectFigures, quickOnes } from './figures.ts';

describe('bench, all scenarios', () => {
  for (const scenario of scenarios.filter(({ name }) => !quickOnes.includes(name))) {
    it(`${scenario.name} - gives every metric for everybody it compares`, async function () {
      if (whyNotRun(scenario.program) !== undefined) this.skip();
      await expectFigures(scenario);
    });
  }
});
