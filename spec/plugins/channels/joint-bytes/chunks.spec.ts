import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ChunkDecoder } from '../../../../lib/plugins/channels/joint-bytes/chunks.ts';
import { chunkHeader, headerClass } from '../../../../lib/plugins/channels/joint-bytes/chunks.ts';
import { hex, splits, toHex } from '../joint/vectors.ts';

const limits = [0, 256, 32_768, 4_194_304, 536_870_912];
const vectors: readonly (readonly [size: number, headerBytes: number, header: string])[] = [
  [1, 2, '00'],
  [128, 2, '7f'],
  [129, 2, '80 01'],
  [300, 2, 'ab 02'],
  [16_384, 2, 'ff 7f'],
  [16_385, 2, '80 80'],
  [32_768, 2, 'ff ff'],
  [256, 1, 'ff'],
  [32_768, 3, 'ff ff 01'],
  [4_194_304, 3, 'ff ff ff'],
  [536_870_912, 4, 'ff ff ff ff'],
];

/** Feeds the parts to a decoder and collects the chunks. */
function decode(parts: readonly Uint8Array[], maxChunkBytes: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const decoder = new ChunkDecoder(maxChunkBytes);
  for (const part of parts) decoder.feed(part, (chunk) => chunks.push(chunk.slice()));
  return chunks;
}

describe('joint chunks', () => {
  for (const [size, headerBytes, header] of vectors) {
    const limit = limits[headerBytes] ?? 0;
    it(`header - ${size} bytes with up to ${headerBytes} header bytes are ${header}`, () => {
      expect(toHex(chunkHeader(size, limit))).to.equal(toHex(hex(header)));
    });
    if (size <= 32_768) {
      it(`header - ${header} announces ${size} bytes however it is split (up to ${headerBytes})`, () => {
        const body = Buffer.alloc(size, 5);
        for (const parts of splits(hex(header))) {
          expect(decode([...parts, body], limit).map(toHex)).to.deep.equal([toHex(body)]);
        }
      });
    }
  }

  it('classes - the largest chunk decides how long headers may be', () => {
    expect([1, 256, 257, 32_768, 32_769, 4_194_304, 4_194_305, 536_870_912].map(headerClass)).to.deep.equal([
      1, 1, 2, 2, 3, 3, 4, 4,
    ]);
    expect(() => headerClass(536_870_913))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
  });

  it('every size - from 1 to 32,768 a header is read as what was written', () => {
    const decoder = new ChunkDecoder(32_768);
    const body = Buffer.alloc(32_768);
    for (let size = 1; size <= 32_768; size += size < 600 || size > 32_700 ? 1 : 97) {
      let got = 0;
      decoder.feed(chunkHeader(size, 32_768), () => expect.fail('there is no body yet'));
      decoder.feed(body.subarray(0, size), (chunk) => {
        got = chunk.length;
      });
      expect(got).to.equal(size);
    }
  });

  it('several chunks - all in one piece are raised at once, and split at every byte', () => {
    const bytes = hex('00 61 02 626364 7f'.concat(' 65'.repeat(128)));
    for (const parts of splits(bytes)) {
      expect(decode(parts, 32_768).map(toHex)).to.deep.equal(['61', '626364', '65'.repeat(128)]);
    }
  });

  it('limits - an empty chunk and one over the limit are refused when written', () => {
    expect(() => chunkHeader(0, 256))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARGUMENT');
    expect(() => chunkHeader(257, 256))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
  });

  it('limits - a chunk over the limit is refused when it is announced', () => {
    const decoder = new ChunkDecoder(1_000);
    expect(() => decoder.feed(hex('e8 07'), () => undefined))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
  });

  it('limits - an announced size alone allocates nothing', () => {
    const decoder = new ChunkDecoder(536_870_912);
    const before = process.memoryUsage().arrayBuffers;
    decoder.feed(hex('ff ff ff ff 00'), () => undefined);
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(1_048_576);
  });
});
