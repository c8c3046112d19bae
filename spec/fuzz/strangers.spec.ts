import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Stage } from '../reliability/process.ts';
import { figure } from '../reliability/figures.ts';
import { strangers } from './strangers.ts';

describe('strangers on a socket', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  it('20,000 links of changed bytes - the server lives, answers an honest client, and keeps nothing', async () => {
    const path = stage.path('s');
    // Sessions of strangers are kept for a moment only, so that what is left at the end is what leaked.
    const server = await stage.program('server', { options: { path, sessionGraceMs: 100, max: 100_000 } });
    const { executions, slowestPingMs, grownBytes, exitCode } = await strangers(server, path, 0, 20_000);
    figure('8 socket', { executions, slowestPingMs, grownMiB: Math.round(grownBytes / 1_048_576) });
    expect({ executions, exitCode }).to.deep.equal({ executions: 20_000, exitCode: null });
    expect(slowestPingMs, 'ms of the slowest ping').to.be.below(3_000);
    expect(grownBytes).to.be.below(24 * 1_048_576);
  });
});
