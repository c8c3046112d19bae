import { afterEach, beforeEach, describe, it } from 'mocha';
import { inTurn, toClient, toServer } from './journal-runs.ts';
import { Stage } from './process.ts';

describe('processes with a journal killed', function () {
  this.timeout(60_000);
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(() => stage.close());

  it('a flood of 5,000 durable sends, the server killed twice - all are committed, once and in order', () =>
    toServer(stage, { row: 'journal 1 short', count: 5_000, kills: 2 }, 1_000, false));

  it('200 durable sends awaited until the journal there has them, likewise - none hangs', () =>
    toServer(stage, { row: 'journal 3 short', count: 200, kills: 2 }, 1, true));

  it('2,000 durable messages to a client killed twice - all are committed, once and in order', () =>
    toClient(stage, { row: 'journal 4 short', count: 2_000, kills: 2 }));

  it('server and client killed in turn, 4 times - what was acknowledged is committed, once, in order for each key', () =>
    inTurn(stage, 'journal 6 short', 4));
});
