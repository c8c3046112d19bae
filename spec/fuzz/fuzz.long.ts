import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Stage } from '../reliability/process.ts';
import { figure } from '../reliability/figures.ts';
import { fuzz } from './fuzz.ts';
import { strangers } from './strangers.ts';
import { hostileServers } from './targets.ts';

/** Minutes for the executions in process; 100,000,000 of them are the most. */
const minutes = Number(process.env['FUZZ_MINUTES'] ?? 6);
/** Where to start, so that each run sees other bytes. */
const from = Number(process.env['FUZZ_FROM'] ?? 1_000_000);

describe('fuzzing for long', () => {
  let stage: Stage;

  beforeEach(() => {
    stage = new Stage();
  });

  afterEach(() => stage.close());

  it(`executions in process from ${from} on - end in time, with no other error, in bounded memory`, async () => {
    const figures = await fuzz(from, 100_000_000, minutes * 60_000);
    figure('8 in process', { ...figures });
    expect(figures.slowestMs).to.be.below(100);
    expect(figures.grownBytes).to.be.below(200 * 1_048_576);
  });

  it(`clients of hostile servers from ${from} on - likewise, and nothing that they asked for is left to wait`, async () => {
    const figures = await fuzz(from, 100_000_000, minutes * 60_000, hostileServers);
    figure('8 hostile servers', { ...figures });
    expect(figures.slowestMs).to.be.below(100);
    expect(figures.grownBytes).to.be.below(100 * 1_048_576);
  });

  it(`links of changed bytes from ${from} on - the server lives and keeps nothing`, async () => {
    const path = stage.path('s');
    const server = await stage.program('server', { options: { path, sessionGraceMs: 100, max: 100_000 } });
    const figures = await strangers(server, path, from, 1_000_000, (minutes * 60_000) / 4);
    figure('8 socket, long', { ...figures, exitCode: figures.exitCode ?? 0 });
    expect(figures.exitCode).to.equal(null);
    expect(figures.grownBytes).to.be.below(48 * 1_048_576);
  });
});
