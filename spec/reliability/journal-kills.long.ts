import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { inTurn, toClient, toServer } from './journal-runs.ts';
import { Stage } from './process.ts';

describe('processes with a journal killed, long', function () {
  this.timeout(1_200_000);
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(() => stage.close());

  it('a flood of 100,000 durable sends of 1 KB, the server killed five times - all are committed, once and in order', () =>
    toServer(stage, { row: 'journal 1', count: 100_000, kills: 5 }, 4_000, false));

  it('20,000 durable sends awaited until the journal there has them, likewise - none hangs', () =>
    toServer(stage, { row: 'journal 3', count: 20_000, kills: 5 }, 1, true));

  it('100,000 durable messages to a client killed five times - all are committed, once and in order', () =>
    toClient(stage, { row: 'journal 4', count: 100_000, kills: 5 }));

  it('server and client killed in turn, 200 times - what was acknowledged is committed, once, in order for each key', async () => {
    expect(await inTurn(stage, 'journal 6', 200), 'ms until it was back').to.be.below(1_000);
  });
});
