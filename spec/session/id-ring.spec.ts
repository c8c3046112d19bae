import { expect } from 'chai';
import { describe, it } from 'mocha';
import { IdRing as BrowserIdRing } from '../../lib/browser/id-ring.ts';
import { IdRing as NodeIdRing } from '../../lib/session/id-ring.ts';

for (const [name, IdRing] of [
  ['id ring', NodeIdRing],
  ['id ring of web pages', BrowserIdRing],
] as const)
  describe(name, () => {
    it('finds and takes what was added, once', () => {
      const ring = new IdRing<string>();
      const [a, b] = [ring.add('a'), ring.add('b')];
      expect([ring.get(a), ring.get(b), ring.size]).to.deep.equal(['a', 'b', 2]);
      expect([ring.take(a), ring.take(a), ring.get(a), ring.size]).to.deep.equal(['a', undefined, undefined, 1]);
      expect([ring.take(0), ring.take(1.5), ring.take(b + 512), ring.take(-1)]).to.deep.equal(
        new Array(4).fill(undefined),
      );
    });

    it('never gives an id that is in use, however long one is kept and however many there are', () => {
      const ring = new IdRing<number>();
      const kept = new Map<number, number>();
      for (let n = 0; n < 20_000; n++) {
        const id = ring.add(n);
        expect(kept.has(id)).to.equal(false);
        kept.set(id, n);
        // One of seven stays for good.
        if (n % 7 !== 0) kept.delete(id) && expect(ring.take(id)).to.equal(n);
      }
      expect(ring.size).to.equal(kept.size);
      for (const [id, n] of kept) expect(ring.get(id)).to.equal(n);
    });

    it('tells what it keeps in the order it came, also around its end and after it grew', () => {
      const ring = new IdRing<number>();
      for (let n = 0; n < 500; n++) ring.take(ring.add(n));
      for (let n = 0; n < 600; n++) ring.add(n);
      expect(ring.entries().map(([, n]) => n)).to.deep.equal(Array.from({ length: 600 }, (_, n) => n));
    });
  });
