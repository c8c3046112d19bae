import process from 'node:process';
import { after, before } from 'mocha';

/**
 * The seeds to run: `SEED=7` for one with its trace, `SEEDS=1000..2000` for a range (the last one not included), else
 * from 0 to `count`.
 */
export function chosenSeeds(count: number): { readonly from: number; readonly to: number; readonly traced: boolean } {
  const one = process.env['SEED'];
  if (one !== undefined) return { from: Number(one), to: Number(one) + 1, traced: true };
  const [from, to] = (process.env['SEEDS'] ?? `0..${count}`).split('..').map(Number);
  return { from: from ?? 0, to: to ?? count, traced: false };
}

/** What to do with a seed that failed. */
export function replayHint(file: string, seed: number, violations: readonly string[]): string {
  return `seed ${seed}: ${violations.join('; ')}\nreplay it with: SEED=${seed} npm test -- spec/simulation/${file}`;
}

/**
 * Has the seeds of a spec run without the stacks of the errors in them, which take a tenth of the time: a seed that fails is
 * replayed with them.
 */
export function withoutStacks(): void {
  const { stackTraceLimit } = Error;
  before(() => {
    if (process.env['SEED'] === undefined) Error.stackTraceLimit = 0;
  });
  after(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });
}
