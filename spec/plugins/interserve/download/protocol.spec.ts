import { expect } from 'chai';
import { describe, it } from 'mocha';
import { readContentRange, readRange } from '../../../../lib/plugins/interserve/download/protocol.ts';

describe('interserve ranges', () => {
  it('one range - is read, and cut to the content', () => {
    expect(readRange('bytes=0-', 10)).to.deep.equal({ start: 0, end: 10 });
    expect(readRange('bytes=3-5', 10)).to.deep.equal({ start: 3, end: 6 });
    expect(readRange('bytes=3-99', 10)).to.deep.equal({ start: 3, end: 10 });
    expect(readRange('bytes=-4', 10)).to.deep.equal({ start: 6, end: 10 });
    expect(readRange('bytes=-99', 10)).to.deep.equal({ start: 0, end: 10 });
  });

  it('ranges - outside of the content are unsatisfiable', () => {
    expect(readRange('bytes=10-', 10)).to.equal('unsatisfiable');
    expect(readRange('bytes=0-', 0)).to.equal('unsatisfiable');
    expect(readRange('bytes=-0', 10)).to.equal('unsatisfiable');
  });

  it('headers - absent, of several ranges or malformed mean the whole', () => {
    for (const header of [undefined, '', 'bytes=', 'bytes=-', 'bytes=0-1,4-5', 'lines=1-2', 'bytes=5-3', 'bytes=x-']) {
      expect(readRange(header, 10), String(header)).to.equal('whole');
    }
    expect(readRange(`bytes=${'9'.repeat(400)}-`, 10)).to.equal('whole');
  });

  it('content of unknown length - has no suffix and no end', () => {
    expect(readRange('bytes=7-', undefined)).to.deep.equal({ start: 7, end: undefined });
    expect(readRange('bytes=-7', undefined)).to.equal('whole');
  });

  it('answers - are read with and without the size', () => {
    expect(readContentRange('bytes 5-9/10')).to.deep.equal({ start: 5, size: 10 });
    expect(readContentRange('bytes 5-9/*')).to.deep.equal({ start: 5, size: undefined });
    for (const header of [undefined, '', 'bytes */10', 'bytes 5-/10'])
      expect(readContentRange(header)).to.equal(undefined);
  });
});
