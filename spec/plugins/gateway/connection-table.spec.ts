import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ConnectionTable } from '../../../lib/plugins/gateway/connection-table.ts';
import { IdMap } from '../../../lib/plugins/gateway/connection-table.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('connection table', () => {
  const make = (id: string): { id: string } => ({ id });

  it('ids - are UUIDs and never the same, also when a place is taken anew', () => {
    const table = new ConnectionTable<{ id: string }>();
    const ids = new Set<string>();
    for (let round = 0; round < 100; round++) {
      const connection = table.add(make);
      expect(connection.id).to.match(uuid);
      ids.add(connection.id);
      table.delete(connection.id);
      table.release(connection);
    }
    expect(ids.size).to.equal(100);
    expect(table.size).to.equal(0);
  });

  it('an old id - finds nothing, whoever has its place now', () => {
    const table = new ConnectionTable<{ id: string }>();
    const first = table.add(make);
    expect(table.delete(first.id)).to.equal(true);
    table.release(first);
    const second = table.add(make);
    expect(table.get(first.id)).to.equal(undefined);
    expect(table.delete(first.id)).to.equal(false);
    table.release(first);
    expect(table.get(second.id)).to.equal(second);
    expect(table.live()).to.deep.equal([second]);
  });

  it('a connection whose id was deleted - lives until it is released, and keeps its place', () => {
    const table = new ConnectionTable<{ id: string }>();
    const first = table.add(make);
    table.delete(first.id);
    const second = table.add(make);
    expect([table.size, table.all(), table.live()]).to.deep.equal([1, [second], [first, second]]);
    table.release(second);
    table.release(first);
    expect([table.all(), table.live(), table.get(second.id)]).to.deep.equal([[second], [], second]);
  });

  it('ids that are none - find nothing', () => {
    const table = new ConnectionTable<{ id: string }>();
    table.add(make);
    for (const id of ['', 'SERVER', '00000000', '-1', '__proto__', 'length', 'ffffffff-0000-4000-8000-000000000000']) {
      expect(table.get(id)).to.equal(undefined);
      expect(table.delete(id)).to.equal(false);
    }
  });
});

describe('id map', () => {
  it('items - are found by their whole id only, in any order of their places', () => {
    const map = new IdMap<{ id: string }>();
    const [far, near] = [{ id: '00000005-a' }, { id: '00000001-b' }];
    map.set(far);
    map.set(near);
    expect(map.all()).to.deep.equal([near, far]);
    expect([map.get(far.id), map.get('00000005-b'), map.get('00000000-a')]).to.deep.equal([far, undefined, undefined]);
    expect([map.delete(far.id), map.delete(far.id)]).to.deep.equal([true, false]);
    expect(map.all()).to.deep.equal([near]);
  });
});
