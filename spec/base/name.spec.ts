import { expect } from 'chai';
import { describe, it } from 'mocha';
import { isName } from '../../lib/base/name.ts';

describe('name', () => {
  it('isName - takes texts of 1 to 256 bytes', () => {
    for (const name of ['a', 'x'.repeat(256), 'é'.repeat(128), '\u{1f44d}'.repeat(64), '\0', ' ']) {
      expect(isName(name), JSON.stringify(name)).to.equal(true);
    }
    for (const name of ['', 'x'.repeat(257), 'é'.repeat(129), '\u{1f44d}'.repeat(65), 1, null, undefined, ['a']]) {
      expect(isName(name), JSON.stringify(name)).to.equal(false);
    }
  });

  it('isName - takes none that would be another one at its peer', () => {
    for (const name of ['\ud83d', 'a\udc4d', '\udc4d\ud83d', 'x'.repeat(100) + '\ud83d']) {
      expect(new TextDecoder().decode(new TextEncoder().encode(name))).not.to.equal(name);
      expect(isName(name), JSON.stringify(name)).to.equal(false);
    }
  });
});
