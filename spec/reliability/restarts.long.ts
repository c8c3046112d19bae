import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { figure } from './figures.ts';
import { Stage } from './process.ts';
import { restartsUnderLoad } from './restarts.ts';

const restarts = 50;
const count = 2_500_000;
const mostMs = 10 * 60_000;

describe('restarts, for long', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  it(`${restarts} restarts under four senders of ${count} messages each - nothing lost, doubled, out of order or failed`, async () => {
    const figures = await restartsUnderLoad(stage, restarts, count, mostMs);
    figure('20, long', { ...figures });
    const { lost, doubled, outOfOrder, failedRequests, errors } = figures;
    expect({ restarts: figures.restarts, lost, doubled, outOfOrder, failedRequests, errors }).to.deep.equal({
      restarts,
      lost: 0,
      doubled: 0,
      outOfOrder: 0,
      failedRequests: 0,
      errors: 0,
    });
    expect(figures.taken).to.equal(figures.sent);
  });
});
