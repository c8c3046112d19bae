import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { misfitOf } from '../../lib/struct/misfit.ts';
import { codecsOf, decode, encode, structs } from './shapes.ts';

/** Writes and reads so many values of random structs, by code and by closures; returns how many fitted and how many did not. */
export function throughBoth(count: number, seed: number): { readonly equal: number; readonly refused: number } {
  const tally = { equal: 0, refused: 0 };
  for (let round = 0; tally.equal + tally.refused < count; round++) {
    const samples = fc.sample(structs, { numRuns: 200, seed: seed + round });
    for (const { of, values, near } of samples) {
      const codecs = codecsOf(of);
      for (const value of values) {
        check(of.shape, codecs, value, true);
        tally.equal += 1;
      }
      for (const value of near) {
        if (check(of.shape, codecs, value, false)) tally.equal += 1;
        else tally.refused += 1;
      }
    }
  }
  return tally;
}

/** Whether `value` fits. What one way says of it, the other has to say too, and the schema. */
function check(
  shape: Parameters<typeof misfitOf>[0],
  [code, closures]: ReturnType<typeof codecsOf>,
  value: unknown,
  mustFit: boolean,
): boolean {
  const written = encode(code, value);
  const other = encode(closures, value);
  const fits = misfitOf(shape, value) === undefined;
  if ((written === undefined) === fits || (written === undefined) !== (other === undefined) || (mustFit && !fits)) {
    expect.fail(
      `${JSON.stringify(shape)} of ${String(value)}: ${fits}, ${written?.toString('hex')}, ${other?.toString('hex')}`,
    );
  }
  if (written === undefined || other === undefined) return false;
  if (!other.equals(written)) expect(other.toString('hex')).to.equal(written.toString('hex'));
  const wanted = normal(value);
  for (const codec of [code, closures]) {
    const read = normal(decode(codec, written));
    // The assertion takes far longer, and tells what differs.
    if (!isDeepStrictEqual(read, wanted)) expect(read).to.deep.equal(wanted);
  }
  return true;
}

/** Integers have no negative zero, and a Map in an `any` arrives as an object. */
function normal(value: unknown): unknown {
  if (Object.is(value, -0)) return 0;
  if (value instanceof Map) return Object.fromEntries(value);
  if (Array.isArray(value)) return Array.from(value as unknown[], normal);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, normal(inner)]));
}
