import { expect } from 'chai';
import { describe, it } from 'mocha';
import { asBusError, BusError, errorCodes } from '../../lib/base/errors.ts';

describe('errors', () => {
  it('a code alone - has its sentence as the message', () => {
    const error = new BusError('ERR_TIMEOUT');
    expect(error).to.be.instanceOf(Error);
    expect(error).to.include({ name: 'BusError', code: 'ERR_TIMEOUT', message: errorCodes.ERR_TIMEOUT });
    expect(error).not.to.have.property('cause');
    expect(error).not.to.have.property('details');
  });

  it('message, cause and details - are kept', () => {
    const cause = new Error('behind it');
    const error = new BusError('ERR_CONNECT', 'No.', { cause, details: { port: 1 } });
    expect(error).to.include({ message: 'No.', cause });
    expect(error.details).to.deep.equal({ port: 1 });
  });

  it('codes of others - are taken with a message of their own', () => {
    expect(new BusError('E_NO_MONEY', 'Not enough')).to.include({ code: 'E_NO_MONEY', message: 'Not enough' });
  });

  it('codes named as what every object has - are no more than texts', () => {
    for (const code of ['constructor', '__proto__', 'toString', 'valueOf', 'hasOwnProperty', '']) {
      const error = new BusError(code as 'ERR_CLOSED');
      expect(error).to.include({ name: 'BusError', code, message: code });
    }
  });

  it('asBusError - leaves a BusError as it is and wraps anything else', () => {
    const error = new BusError('ERR_CLOSED');
    expect(asBusError(error, 'ERR_REMOTE')).to.equal(error);
    const cause = new TypeError('no');
    expect(asBusError(cause, 'ERR_REMOTE')).to.include({ code: 'ERR_REMOTE', message: 'no', cause });
    expect(asBusError('text', 'ERR_REMOTE')).to.include({ code: 'ERR_REMOTE', message: 'text', cause: 'text' });
    expect(asBusError(undefined, 'ERR_REMOTE')).to.include({ code: 'ERR_REMOTE', message: 'undefined' });
  });

  it('sentences - are whole, one for each code', () => {
    for (const [code, sentence] of Object.entries(errorCodes)) {
      expect(code).to.match(/^ERR_[A-Z_]+$/);
      expect(sentence, code).to.match(/^[A-Z`].*[^.]$/);
    }
    expect(new Set(Object.values(errorCodes)).size).to.equal(Object.keys(errorCodes).length);
  });
});
