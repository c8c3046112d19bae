import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { figure } from '../reliability/figures.ts';
import { Stage } from '../reliability/process.ts';
import { intrusions } from './intruders.ts';

const count = 100_000;

describe('intruders, for long', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  it(`${count} attempts of nine kinds - nothing reaches a handler, no session is taken, each link is soon gone`, async () => {
    const { attempts, handled, taken, goneAfterMs, broadcasts } = await intrusions(stage.path('s'), 10_000, count);
    figure('17', { attempts, handled, taken, goneAfterMs });
    expect({ handled, taken, broadcasts }).to.deep.equal({ handled: 0, taken: 0, broadcasts: 10 });
    expect(goneAfterMs).to.be.below(100);
  });
});
