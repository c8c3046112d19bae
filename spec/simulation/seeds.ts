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
