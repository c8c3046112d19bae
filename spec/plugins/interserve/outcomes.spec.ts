import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BusError } from '../../../lib/base/errors.ts';
import {
  asTransferError,
  failureOf,
  isFailure,
  outcomes,
  transferError,
} from '../../../lib/plugins/interserve/outcomes.ts';
import { root } from '../../support/repository.ts';

describe('interserve outcomes', () => {
  it('the table - stands in the document, row by row', () => {
    const text = readFileSync(join(root, 'docs/interserve.md'), 'utf8');
    const rows = [...text.matchAll(/^\| `(\w+)` \| (\d{3}) \| (?:`(\w+)`|-) \| (.+) \|$/gm)];
    expect(
      rows.map(([, name, status, code, sentence]) => [name, { status: Number(status), code, sentence }]),
    ).to.deep.equal(Object.entries(outcomes));
  });

  it('errors - carry the code of their row, its status and its name', () => {
    for (const [name, { status, code }] of Object.entries(outcomes)) {
      if (!isFailure(name)) continue;
      const error = transferError(name);
      expect(error.code).to.equal(code);
      expect(error.details).to.deep.equal({ status, reason: name });
      expect(failureOf(error)).to.equal(name);
    }
  });

  it('errors - of the bus, of the system and of callbacks find their row', () => {
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    expect(failureOf(new BusError('ERR_SESSION_LOST'))).to.equal('left');
    expect(failureOf(new BusError('ERR_PEER_LACKS_FEATURE'))).to.equal('lacking');
    expect(failureOf(full)).to.equal('storage');
    for (const code of ['constructor', '__proto__', 'toString', 'E_MINE']) {
      const theirs = new BusError(code, 'theirs');
      expect(failureOf(theirs), code).to.equal('failed');
      expect(asTransferError(theirs)).to.include({ code: 'ERR_REMOTE', message: 'theirs' });
    }
    expect(failureOf(new TypeError('mine'))).to.equal('failed');
    expect(asTransferError(new TypeError('mine'))).to.include({ code: 'ERR_REMOTE', message: 'mine' });
  });
});
