import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { codeOf, textOf } from '../../lib/base/thrown.ts';

describe('what was thrown', () => {
  it('in another realm - has its code and its text all the same', () => {
    const error: unknown = runInNewContext("Object.assign(new Error('no such file'), { code: 'ENOENT' })");
    expect(error).to.not.be.instanceOf(Error);
    expect(codeOf(error)).to.equal('ENOENT');
    expect(textOf(error)).to.equal('no such file');
  });

  it('anything - has no code, or a text, that is none', () => {
    for (const thrown of [undefined, null, 5, 'text', {}, { code: 5 }, Object.create(null)]) {
      expect(codeOf(thrown), String(typeof thrown)).to.equal(undefined);
      expect(textOf(thrown)).to.be.a('string');
    }
  });
});
