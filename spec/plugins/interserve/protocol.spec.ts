import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BusError } from '../../../lib/base/errors.ts';
import { answerOfError, readAnswer, readControl, safeName } from '../../../lib/plugins/interserve/protocol.ts';
import { transferError } from '../../../lib/plugins/interserve/outcomes.ts';

describe('interserve control messages', () => {
  it('names - lead nowhere: only a plain base name is left', () => {
    const names = [
      '../../etc/passwd',
      '..\\..\\boot.ini',
      '/a/b',
      'C:\\x',
      'map.bsp',
      '..',
      '.',
      '',
      'a/',
      'x\0y',
      'n\nm',
    ];
    expect(names.map(safeName)).to.deep.equal([
      'passwd',
      'boot.ini',
      'b',
      'x',
      'map.bsp',
      undefined,
      undefined,
      undefined,
      undefined,
      'xy',
      'nm',
    ]);
    expect(safeName('a'.repeat(256))).to.equal(undefined);
  });

  it('anything else than a message - is refused with ERR_PROTOCOL', () => {
    fc.assert(
      fc.property(fc.anything({ maxDepth: 3, withNullPrototype: true }), (data) => {
        expect(() => readControl(data))
          .to.throw(BusError)
          .with.property('code', 'ERR_PROTOCOL');
      }),
    );
  });

  it('fields - of the wrong type or out of range are refused', () => {
    const content = { id: 'map', kind: 'bytes', size: 1, name: null };
    expect(readControl({ op: 'ask', transfer: 1, content })).to.deep.include({ op: 'ask', transfer: 1 });
    const wrong = [
      { op: 'ask', transfer: -1, content },
      { op: 'ask', transfer: 1.5, content },
      { op: 'ask', transfer: 1, content: { ...content, size: -1 } },
      { op: 'ask', transfer: 1, content: { ...content, size: 2 ** 60 } },
      { op: 'ask', transfer: 1, content: { ...content, kind: 'file' } },
      { op: 'ask', transfer: 1, content: { ...content, id: 'x'.repeat(1025) } },
      { op: 'digest', transfer: 1, way: 'up', digest: { bytes: 1, sha256: 'zz' } },
      { op: 'stop', transfer: 1, way: 'sideways', reason: 'aborted', message: '' },
    ];
    for (const each of wrong) expect(() => readControl(each), JSON.stringify(each)).to.throw(BusError);
  });

  it('answers - keep the reason of a failure, and make an unknown one a failure', () => {
    expect(() => readAnswer(answerOfError(transferError('mismatch'))))
      .to.throw(BusError)
      .with.property('code', 'ERR_INTEGRITY');
    expect(() => readAnswer({ ok: false, reason: 'whole', message: 'x' }))
      .to.throw(BusError)
      .with.property('code', 'ERR_REMOTE');
  });
});
