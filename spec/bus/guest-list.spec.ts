import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { GuestList } from '../../lib/bus/server/guest-list.ts';

describe('guest list', () => {
  let said: string[];
  let list: GuestList<string>;

  function listOf(limits: { max?: number; maxDetached?: number; maxDetachedPerAddress?: number }): GuestList<string> {
    said = [];
    list = new GuestList(
      { max: 0, maxDetached: 10_000, maxDetachedPerAddress: 10_000, ...limits },
      {
        forgotten: (guest) => {
          said.push(`forgotten ${guest}`);
          list.remove(guest);
        },
        crowdedOut: (guest) => {
          said.push(`crowded out ${guest}`);
          list.remove(guest);
        },
      },
    );
    return list;
  }

  beforeEach(() => listOf({ max: 3 }));

  it('a full house - makes room by the one that is longest without a link', () => {
    for (const guest of ['a', 'b', 'c']) list.add(guest, 'here');
    expect(list.hasRoom('here')).to.equal(false);
    list.detached('b');
    list.detached('a');
    list.attached('b');
    list.detached('b');
    expect(list.hasRoom('here')).to.equal(true);
    expect(said).to.deep.equal(['forgotten a']);
  });

  it('a full house of one address - makes room for another, as long as that has fewer', () => {
    for (const guest of ['a', 'b', 'c']) list.add(guest, 'here');
    expect(list.hasRoom('there')).to.equal(true);
    expect(said).to.deep.equal(['crowded out c']);
    list.add('d', 'there');
    expect(list.hasRoom('there')).to.equal(false);
    expect(list.hasRoom('here')).to.equal(false);
  });

  it('no limit - is never full', () => {
    for (const max of [0, Number.POSITIVE_INFINITY]) {
      listOf({ max });
      for (let guest = 0; guest < 1_000; guest++) list.add(`${guest}`, 'here');
      expect(list.hasRoom('here')).to.equal(true);
    }
  });

  it('those without a link - are so many in all, and so many of an address', () => {
    listOf({ maxDetached: 5, maxDetachedPerAddress: 3 });
    for (const guest of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'b3', 'c1']) {
      list.add(guest, guest.slice(0, 1));
      list.detached(guest);
    }
    expect(said).to.deep.equal(['forgotten a1', 'forgotten a2', 'forgotten a3']);
  });
});
