import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { exchange, type Road } from './exchange.ts';
import { figure } from './figures.ts';
import { Stage } from './process.ts';

/** Messages each way and forced disconnects, over all roads together; less of both by `EXACTLY_ONCE_SHARE`, 0 to 1. */
const share = Number(process.env['EXACTLY_ONCE_SHARE'] ?? 1);
const roads: readonly Road[] = ['unix', 'tcp', 'tls'];
const count = Math.round((10_000_000 * share) / roads.length);
const disconnects = Math.round((1_000 * share) / roads.length);

describe('exactly once, in order, for long', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  for (const road of roads) {
    it(`${count} messages each way over ${road}, ${disconnects} disconnects - nothing lost, doubled or out of order`, async () => {
      const figures = await exchange(stage, road, count, disconnects, 7);
      figure(`5 ${road}`, { ...figures });
      const { lost, doubled, outOfOrder, neverSettled } = figures;
      expect({ lost, doubled, outOfOrder, neverSettled }).to.deep.equal({
        lost: 0,
        doubled: 0,
        outOfOrder: 0,
        neverSettled: 0,
      });
      expect(figures.messages).to.equal(2 * count);
    });
  }
});
