import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type NativeAgreement, nativeDialect, type SessionDialect } from '../../lib/session/dialect.ts';
import { BusError } from '../../lib/base/errors.ts';
import type { Frame } from '../../lib/wire/frames.ts';

const limits = { maxMessageBytes: 100_000, maxDepth: 64 };
const dialect = (agreed: Partial<NativeAgreement> = {}): SessionDialect =>
  nativeDialect({ records: false, peerMaxBytes: 100_000, ...agreed }, limits);

/** What `to` makes of all that `from` has written, large bodies too. */
function read(from: SessionDialect, to: SessionDialect): Frame[] {
  const frames: Frame[] = [];
  while (from.encoder.queue?.writeChunk({ left: () => Number.POSITIVE_INFINITY }) !== undefined);
  if (from.slab.pendingBytes > 0) to.decoder.feed(Buffer.concat(from.slab.take()), (frame) => frames.push(frame));
  return frames;
}

function codeOf(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    if (error instanceof BusError) return error.code;
    throw error;
  }
  return 'none';
}

describe('native dialect', () => {
  it('two ends - read each other, and a session’s shapes are its own', () => {
    for (const records of [false, true]) {
      const [from, to, other] = [dialect({ records }), dialect({ records }), dialect({ records })];
      const data = { who: 'me', how: ['a', 1] };
      for (const _ of [1, 2, 3]) from.encoder.message(0, data, false);
      expect(read(from, to).map((frame) => 'data' in frame && frame.data)).to.deep.equal([data, data, data]);
      from.encoder.message(0, data, false);
      const later = from.slab.take();
      const heard: Frame[] = [];
      const code = codeOf(() => other.decoder.feed(Buffer.concat(later), (frame) => heard.push(frame)));
      expect([code, heard.length]).to.deep.equal(records ? ['ERR_PROTOCOL', 0] : ['none', 1]);
    }
  });

  it('what the peer does not take - is refused before it is written, and the next frame can be read', () => {
    const [from, to] = [dialect({ peerMaxBytes: 100 }), dialect()];
    expect(codeOf(() => from.encoder.message(0, 'x'.repeat(200), false))).to.equal('ERR_TOO_LARGE');
    const circular: unknown[] = [];
    circular.push(circular);
    expect(codeOf(() => from.encoder.message(0, circular, false))).to.equal('ERR_UNENCODABLE');
    expect(from.slab.pendingBytes).to.equal(0);
    from.encoder.message(0, 'short', false);
    expect(read(from, to)).to.have.lengthOf(1);
  });

  it('what this end does not take - is refused as it comes, though the peer was told a larger limit', () => {
    const [from, to] = [dialect({ peerMaxBytes: 500_000 }), dialect()];
    from.encoder.message(0, Buffer.alloc(200_000), false);
    expect(codeOf(() => read(from, to))).to.equal('ERR_TOO_LARGE');
  });

  it('it is reliable, and answers for confirmed messages only where both ends do', () => {
    const all = [undefined, false, true].map((handles) => dialect({ handles }));
    expect(all.map(({ reliable, handles }) => [reliable, handles])).to.deep.equal([
      [true, false],
      [true, false],
      [true, true],
    ]);
  });
});
