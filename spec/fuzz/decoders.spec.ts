import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BusError } from '../../lib/base/errors.ts';
import { SeededRandom } from '../../lib/testing/seeded-random.ts';
import { makeCorpus } from './corpus.ts';
import { fuzz } from './fuzz.ts';
import { hostileServers, targets } from './targets.ts';

/** `FUZZ=12345` runs one execution again. */
const one = process.env['FUZZ'];
const from = one === undefined ? 0 : Number(one);
const count = one === undefined ? 1_000_000 : 1;

const all = [...targets, ...hostileServers];

describe('bytes of strangers', () => {
  it('what real ends write - is taken by every target', async () => {
    const corpus = await makeCorpus();
    for (const { corpus: kind, feed } of all) {
      if (kind === 'serverHellos' || kind === 'deflated' || kind === 'toClientBodies') continue;
      for (const bytes of corpus[kind]) await feed(bytes, new SeededRandom(1));
    }
  });

  for (const { name, feed } of all) {
    it(`${name} - takes any bytes, or throws ERR_PROTOCOL or ERR_TOO_LARGE`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.integer(), async (bytes, seed) => {
          try {
            await feed(bytes, new SeededRandom(seed));
          } catch (error) {
            if (!(error instanceof BusError) || !['ERR_PROTOCOL', 'ERR_TOO_LARGE'].includes(error.code)) throw error;
          }
        }),
        { numRuns: 300, seed: 1 },
      );
    });
  }

  it(`executions ${from} to ${from + count} - end in time, with no other error, in bounded memory`, async function () {
    this.timeout(900_000);
    const { executions, refused, slowestMs, grownBytes } = await fuzz(from, count);
    expect(executions).to.equal(count);
    expect(slowestMs).to.be.below(100);
    if (one !== undefined) return;
    expect(refused).to.be.within(count / 10, count * 0.95);
    expect(grownBytes).to.be.below(100 * 1_048_576);
  });

  it('clients of hostile servers, some thousands of them - likewise, and nothing that they asked for is left to wait', async function () {
    this.timeout(300_000);
    const executions = Math.min(count, 3_000);
    const figures = await fuzz(from, executions, Number.POSITIVE_INFINITY, hostileServers);
    expect(figures.executions).to.equal(executions);
    expect(figures.slowestMs).to.be.below(100);
    if (one !== undefined) return;
    expect(figures.refused).to.be.within(executions / 10, executions * 0.95);
    expect(figures.grownBytes).to.be.below(50 * 1_048_576);
  });
});
