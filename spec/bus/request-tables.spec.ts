import { expect } from 'chai';
import { describe, it } from 'mocha';
import * as page from '../../lib/browser/request-tables.ts';
import * as node from '../../lib/bus/requests/request-tables.ts';

interface Asked {
  readonly id: number | string;
}

for (const [name, IdRing] of [
  ['id ring', node.IdRing],
  ['id ring of web pages', page.IdRing],
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

describe('request table', () => {
  for (const Table of [node.RequestTable, page.RequestTable]) {
    it(`${Table === node.RequestTable ? 'in Node' : 'in web pages'} - finds and forgets what was added, by integers and by strings`, () => {
      const table = new Table<Asked>();
      const asked = [{ id: 1 }, { id: 'one' }, { id: 2 }, { id: 0 }];
      for (const one of asked) table.add(one);
      expect(table.size).to.equal(4);
      for (const one of asked) expect(table.get(one.id)).to.equal(one);
      table.delete('one');
      table.delete(2);
      table.delete(3);
      expect([table.size, table.get('one'), table.get(2), table.get(1)]).to.deep.equal([
        2,
        undefined,
        undefined,
        asked[0],
      ]);
      expect(table.clear()).to.have.members([asked[0], asked[3]]);
      expect(table.size).to.equal(0);
    });
  }

  it('keeps apart ids that share a place, however the peer chooses them', () => {
    const table = new node.RequestTable<Asked>();
    const ids = Array.from({ length: 10_000 }, (_, i) => i * 65_536 + 7);
    for (const id of ids) table.add({ id });
    expect(table.size).to.equal(10_000);
    for (const id of ids) expect(table.get(id)?.id).to.equal(id);
    for (const id of ids) table.delete(id);
    expect([table.size, table.get(7)]).to.deep.equal([0, undefined]);
  });

  it('holds two requests of one id, which a peer may send, until both are forgotten', () => {
    const table = new node.RequestTable<Asked>();
    table.add({ id: 5 });
    table.add({ id: 5 });
    table.delete(5);
    expect([table.size, table.get(5)?.id]).to.deep.equal([1, 5]);
    table.delete(5);
    expect([table.size, table.get(5)]).to.deep.equal([0, undefined]);
  });

  it('gives everything back when it is cleared', () => {
    const table = new node.RequestTable<Asked>();
    for (let id = 0; id < 300; id++) table.add({ id });
    table.add({ id: 'x' });
    expect(table.clear().length).to.equal(301);
    expect([table.size, table.get(7), table.get('x')]).to.deep.equal([0, undefined, undefined]);
  });
});
