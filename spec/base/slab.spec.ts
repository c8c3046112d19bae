import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Slab } from '../../lib/base/slab.ts';

function write(slab: Slab, text: string): void {
  slab.ensure(text.length);
  slab.buffer.set(Buffer.from(text), slab.position);
  slab.position += text.length;
}

const texts = (pieces: readonly Uint8Array[]): string[] => pieces.map((piece) => Buffer.from(piece).toString());

describe('slab', () => {
  it('what was written, adopted and shared - comes out in order, neighbours in one piece', () => {
    const slab = new Slab(16);
    const shared = Buffer.from('abcdefgh');
    write(slab, '1');
    write(slab, '2');
    slab.share(shared, 0, 2);
    slab.share(shared, 2, 4);
    slab.share(shared, 5, 6);
    write(slab, '3');
    slab.share(shared, 6, 8);
    slab.adopt(Buffer.from('xyz'));
    expect(slab.pendingBytes).to.equal(13);
    expect(texts(slab.take())).to.deep.equal(['12', 'abcd', 'f', '3', 'gh', 'xyz']);
    expect(slab.pendingBytes).to.equal(0);
  });

  it('shared bytes that follow what was taken - are a new piece', () => {
    const slab = new Slab();
    const shared = Buffer.from('abcd');
    slab.share(shared, 0, 2);
    expect(texts(slab.take())).to.deep.equal(['ab']);
    slab.share(shared, 2, 4);
    expect(texts(slab.take())).to.deep.equal(['cd']);
  });

  it('a buffer that is full, or was released - is followed by another', () => {
    const slab = new Slab(4);
    write(slab, 'abcd');
    write(slab, 'efgh');
    slab.release();
    expect(texts(slab.take())).to.deep.equal(['abcd', 'efgh']);
    slab.release();
    expect(slab.buffer).to.have.length(0);
    write(slab, 'ijkl');
    expect(slab.buffer).to.have.length(4);
    expect(texts(slab.take())).to.deep.equal(['ijkl']);
  });
});
