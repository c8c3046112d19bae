import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { figure } from './figures.ts';
import { Stage } from './process.ts';
import { restartsUnderLoad } from './restarts.ts';

describe('restarts', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  it('three processes take over from each other under four senders - nothing lost, doubled, out of order or failed', async () => {
    const figures = await restartsUnderLoad(stage, 3, 25_000);
    figure('20', { ...figures });
    const { restarts, taken, lost, doubled, outOfOrder, failedRequests, errors, requests } = figures;
    expect({ restarts, taken, lost, doubled, outOfOrder, failedRequests, errors }).to.deep.equal({
      restarts: 3,
      taken: 100_000,
      lost: 0,
      doubled: 0,
      outOfOrder: 0,
      failedRequests: 0,
      errors: 0,
    });
    expect(requests).to.be.above(50);
  });
});
