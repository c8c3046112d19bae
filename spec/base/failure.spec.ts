import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BusError } from '../../lib/base/errors.ts';
import { fromFailure, readFailure, toFailure } from '../../lib/base/failure.ts';

describe('failures', () => {
  it('toFailure - takes the code and the message of whatever was thrown, and the details of a BusError', () => {
    const details = { port: 1 };
    expect(toFailure(new BusError('ERR_REFUSED', 'no', { details, cause: 'secret' }))).to.deep.equal({
      code: 'ERR_REFUSED',
      message: 'no',
      details,
    });
    expect(toFailure(new BusError('ERR_REFUSED', 'no'))).to.have.all.keys('code', 'message');
    const system = Object.assign(new Error('no such file'), { code: 'ENOENT', details: 'its own' });
    expect(toFailure(system)).to.deep.equal({ code: 'ENOENT', message: 'no such file' });
    const foreign: unknown = runInNewContext(`new TypeError('of another realm')`);
    expect(toFailure(foreign)).to.deep.equal({ code: 'ERR_REMOTE', message: 'of another realm' });
    for (const thrown of ['text', 5, undefined, null, Object.create(null)]) {
      expect(toFailure(thrown)).to.have.property('code', 'ERR_REMOTE');
      expect(toFailure(thrown).message).to.be.a('string');
    }
  });

  it('fromFailure - is the error again', () => {
    const error = fromFailure({ code: 'E_OWN', message: 'no', details: 5 });
    expect(error).to.be.an.instanceOf(BusError).and.include({ code: 'E_OWN', message: 'no', details: 5 });
    expect('details' in fromFailure({ code: 'E_OWN', message: 'no' })).to.equal(false);
  });

  it('readFailure - reads what has a code and a message, and nothing else', () => {
    expect(readFailure({ code: 'a', message: 'b', more: 1 })).to.deep.equal({ code: 'a', message: 'b' });
    expect(readFailure({ code: 'a', message: 'b', details: null })).to.deep.equal({
      code: 'a',
      message: 'b',
      details: null,
    });
    for (const wrong of [
      undefined,
      null,
      'text',
      [],
      {},
      { code: 'a' },
      { message: 'b' },
      { code: 1, message: 'b' },
      { code: 'a', message: [] },
    ]) {
      expect(() => readFailure(wrong))
        .to.throw()
        .with.property('code', 'ERR_PROTOCOL');
    }
  });
});
