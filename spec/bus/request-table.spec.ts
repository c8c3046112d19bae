import { expect } from 'chai';
import { describe, it } from 'mocha';
import { RequestTable } from '../../lib/bus/request-table.ts';
import { RequestTable as BrowserRequestTable } from '../../lib/browser/request-table.ts';

interface Asked {
  readonly id: number | string;
}

describe('request table', () => {
  for (const Table of [RequestTable, BrowserRequestTable]) {
    it(`${Table === RequestTable ? 'in Node' : 'in web pages'} - finds and forgets what was added, by integers and by strings`, () => {
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
    const table = new RequestTable<Asked>();
    const ids = Array.from({ length: 10_000 }, (_, i) => i * 65_536 + 7);
    for (const id of ids) table.add({ id });
    expect(table.size).to.equal(10_000);
    for (const id of ids) expect(table.get(id)?.id).to.equal(id);
    for (const id of ids) table.delete(id);
    expect([table.size, table.get(7)]).to.deep.equal([0, undefined]);
  });

  it('holds two requests of one id, which a peer may send, until both are forgotten', () => {
    const table = new RequestTable<Asked>();
    table.add({ id: 5 });
    table.add({ id: 5 });
    table.delete(5);
    expect([table.size, table.get(5)?.id]).to.deep.equal([1, 5]);
    table.delete(5);
    expect([table.size, table.get(5)]).to.deep.equal([0, undefined]);
  });

  it('gives everything back when it is cleared', () => {
    const table = new RequestTable<Asked>();
    for (let id = 0; id < 300; id++) table.add({ id });
    table.add({ id: 'x' });
    expect(table.clear().length).to.equal(301);
    expect([table.size, table.get(7), table.get('x')]).to.deep.equal([0, undefined, undefined]);
  });
});
