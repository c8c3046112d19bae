import { expect } from 'chai';
import { describe, it } from 'mocha';
import { isName } from '../../../lib/plugins/channels/name.ts';

describe('names of channels and topics', () => {
  it('length - is counted in bytes of UTF-8, 255 at the most', () => {
    for (const unit of ['a', 'ü', '€', '😀', '\ud800']) {
      const bytes = Buffer.byteLength(unit);
      const most = Math.floor(255 / bytes);
      expect(isName(unit.repeat(most)), unit).to.equal(true);
      expect(isName(unit.repeat(most) + 'x'.repeat(255 - most * bytes)), unit).to.equal(true);
      expect(isName(unit.repeat(most + 1)), unit).to.equal(false);
      expect(isName(unit.repeat(most) + 'x'.repeat(256 - most * bytes)), unit).to.equal(false);
    }
  });

  it('others - the empty text and what is no text are none', () => {
    for (const value of ['', 5, null, undefined, ['a']]) expect(isName(value)).to.equal(false);
  });
});
