import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { figure } from './figures.ts';
import { Stage } from './process.ts';
import { soak } from './soak.ts';

/** `SOAK_MINUTES=60` is the whole of it, and runs alone. */
const minutes = Number(process.env['SOAK_MINUTES'] ?? 5);
const seed = Number(process.env['SEED'] ?? 1);
/** In a shorter run memory is still finding its level. */
const slopeFromMinutes = 30;

describe('soak', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  it(`50 clients of all codecs for ${minutes} minutes, a fault each second - nothing lost, doubled or out of order`, async () => {
    const figures = await soak(stage, minutes, seed);
    figure('30', { minutes, ...figures });
    const { lost, doubled, outOfOrder, sessionsLost, neverSettled, failedRequests } = figures;
    expect({ lost, doubled, outOfOrder, sessionsLost, neverSettled, failedRequests }).to.deep.equal({
      lost: 0,
      doubled: 0,
      outOfOrder: 0,
      sessionsLost: 0,
      neverSettled: 0,
      failedRequests: 0,
    });
    expect(figures.moreFiles).to.be.at.most(2);
    expect(figures.loopP99Ms).to.be.below(50);
    if (minutes >= slopeFromMinutes) expect(figures.residentMiBIn10Min).to.be.below(1);
  });
});
