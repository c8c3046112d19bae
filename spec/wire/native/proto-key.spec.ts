import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { holdsProto } from '../../../lib/wire/native/careful-reader.ts';

describe('the search for __proto__', () => {
  it('finds it wherever it stands within its bounds, and nothing else', () => {
    const piece = fc.constantFrom('_', '__', '__proto', '__proto_', 'proto__', '__proto__', 'o', 'x', '__pro', 'to__');
    fc.assert(
      fc.property(fc.array(piece), fc.nat(20), fc.nat(20), (pieces, from, less) => {
        const bytes = Buffer.from(pieces.join(''));
        const end = bytes.length - less;
        expect(holdsProto(bytes, from, end)).to.equal(bytes.subarray(from, Math.max(from, end)).includes('__proto__'));
      }),
      { numRuns: 5_000 },
    );
  });
});
