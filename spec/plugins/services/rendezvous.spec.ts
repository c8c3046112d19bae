import { expect } from 'chai';
import { describe, it } from 'mocha';
import { hashOf, rendezvous } from '../../../lib/plugins/services/hub/rendezvous.ts';

const keys = Array.from({ length: 100_000 }, (_, number) => hashOf(`key ${number}`));
const member = (name: string, weight = 1) => ({ name, weight, hash: hashOf(name) });
const members = Array.from({ length: 16 }, (_, number) => member(`room-${number}`));

function shares(among: ReturnType<typeof member>[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const key of keys) {
    const name = rendezvous(key, among)?.name ?? '';
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
}

describe('rendezvous hashing', () => {
  it('keys - are shared by weight', () => {
    for (const share of shares(members).values()) expect(share / keys.length).to.be.closeTo(1 / 16, 0.004);
    const weighted = shares([member('room-0', 4), ...members.slice(1)]);
    expect((weighted.get('room-0') ?? 0) / keys.length).to.be.closeTo(4 / 19, 0.01);
    expect((weighted.get('room-1') ?? 0) / keys.length).to.be.closeTo(1 / 19, 0.005);
  });

  it('members - that come or go move the keys they get or had, and no other', () => {
    const others = members.slice(1);
    let moved = 0;
    for (const key of keys) {
      const before = rendezvous(key, members);
      const after = rendezvous(key, others);
      if (before === after) continue;
      expect(before).to.equal(members[0]);
      moved += 1;
    }
    expect(moved / keys.length).to.be.closeTo(1 / 16, 0.004);
    expect(rendezvous(1, [])).to.equal(undefined);
  });

  it('a choice - takes little time', () => {
    const startedAt = performance.now();
    shares(members);
    // 0.4 us each; a machine that is busy with all else takes longer.
    expect(((performance.now() - startedAt) / keys.length) * 1_000).to.be.below(10);
  });
});
