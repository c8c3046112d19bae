import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { createDeflater, createInflater } from '../../lib/wire/fast-zlib.ts';
import { BlockReader, blockBytes, BlockWriter } from '../../lib/wire/compression.ts';

const closing: { close(): void }[] = [];

function pair(maxOutputBytes = blockBytes + 4_096): { writer: BlockWriter; reader: BlockReader } {
  const deflater = createDeflater();
  const inflater = createInflater(maxOutputBytes);
  closing.push(deflater, inflater);
  return { writer: new BlockWriter(deflater), reader: new BlockReader(inflater) };
}

function codeOf(reader: BlockReader, hex: string): unknown {
  try {
    reader.feed(Buffer.from(hex, 'hex'), () => {});
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return 'accepted';
}

describe('compressed links', () => {
  afterEach(() => {
    for (const stream of closing.splice(0)) stream.close();
  });

  it('short writes - travel as they are, longer ones deflated', () => {
    const { writer } = pair();
    expect(writer.wrap(new Uint8Array(63)).map((block) => block[0])).to.deep.equal([0]);
    const [block] = writer.wrap(new Uint8Array(64));
    expect(block?.[0]).to.equal(0x80);
    expect(block?.length).to.be.lessThan(64);
  });

  it('the stream - runs through the blocks, so that what came before helps', () => {
    const { writer } = pair();
    const text = Buffer.from(
      JSON.stringify({ player: 'one', position: [1, 2, 3], inventory: ['sword', 'shield', 'rope'] }),
    );
    const [first, second] = [writer.wrap(text), writer.wrap(text)].map((blocks) => Buffer.concat(blocks).length);
    expect(second).to.be.lessThan((first ?? 0) / 3);
  });

  it('large writes - become blocks of 65,536 bytes at most, and come back whole', () => {
    const { writer, reader } = pair();
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * index) % 251));
    const blocks = writer.wrap(bytes);
    expect(blocks).to.have.lengthOf(5);
    const read: Uint8Array[] = [];
    for (const block of blocks) reader.feed(block, (plain) => read.push(Uint8Array.from(plain)));
    expect(read.every((plain) => plain.length <= blockBytes)).to.equal(true);
    expect(Buffer.concat(read).equals(bytes)).to.equal(true);
  });

  it('data that does not compress - comes back whole', () => {
    const { writer, reader } = pair();
    let state = 1;
    const noise = Buffer.from(
      Array.from({ length: blockBytes }, () => (state = (state * 48_271) % 2_147_483_647) & 0xff),
    );
    const read: Uint8Array[] = [];
    for (const block of writer.wrap(noise)) reader.feed(block, (plain) => read.push(Uint8Array.from(plain)));
    expect(Buffer.concat(read).equals(noise)).to.equal(true);
  });

  const refused: [name: string, hex: string, code: string][] = [
    ['a block of no bytes', '00000000', 'ERR_TOO_LARGE'],
    ['a deflated block of no bytes', '80000000', 'ERR_TOO_LARGE'],
    ['a block over the limit', '00010401', 'ERR_TOO_LARGE'],
    ['the largest length there is', 'ffffffff', 'ERR_TOO_LARGE'],
    ['a deflated block that is none', '80000004ffffffff', 'ERR_PROTOCOL'],
  ];
  for (const [name, hex, code] of refused) {
    it(`${name} - is ${code}`, () => expect(codeOf(pair().reader, hex)).to.equal(code));
  }

  it('a block that inflates to more than the limit - is ERR_TOO_LARGE', () => {
    const { writer } = pair();
    const { reader } = pair(10_000);
    const [block] = writer.wrap(new Uint8Array(blockBytes));
    expect(codeOf(reader, Buffer.from(block ?? []).toString('hex'))).to.equal('ERR_TOO_LARGE');
  });
});
