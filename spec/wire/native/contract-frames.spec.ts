import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { BusError } from '../../../lib/base/errors.ts';
import { list, struct, text, u32 } from '../../../lib/struct/index.ts';
import { type AgreedContracts, OwnContracts, PeerContracts } from '../../../lib/wire/contracts.ts';
import { decode, decoderOf, Writer } from './native-peer.ts';

const One = struct('one', { a: u32 });
const Two = struct('two', { b: list(text) });

/** What an end with contracts `ours` has with one that has `theirs`. */
function agreed(
  ours: readonly (typeof One | typeof Two)[],
  theirs: readonly (typeof One | typeof Two)[],
): AgreedContracts {
  const own = new OwnContracts(
    ours.map(({ codec }) => codec),
    64,
  );
  return new PeerContracts(own).agree(theirs.map(({ codec }) => codec.hash));
}

const frame = (hex: string): Buffer => {
  const rest = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(rest.length);
  return Buffer.concat([length, rest]);
};

function codeOf(contracts: AgreedContracts | undefined, bytes: Buffer): string {
  try {
    decode(decoderOf({ contracts }), bytes);
    return 'none';
  } catch (error) {
    return (error as BusError).code;
  }
}

describe('frames by contracts', () => {
  it("numbers - are the sender's own, whatever those of the reader are", () => {
    const writer = new Writer({ contracts: agreed([One, Two], [Two, One]) });
    const bytes = writer.bytes((encoder) => {
      encoder.message(0, Two.of({ b: ['x'] }), false);
      encoder.request(0, 5, One.of({ a: 1 }), 100);
    });
    expect(bytes.toString('hex')).to.equal(
      '0000000c 0140 0000 00000000 01010178 00000011 0250 0000 00000005 00000064 0000000001'.replaceAll(' ', ''),
    );
    const read = decode(decoderOf({ contracts: agreed([Two, One], [One, Two]) }), bytes);
    expect(read.map((one) => 'data' in one && one.data)).to.deep.equal([{ b: ['x'] }, { a: 1 }]);
  });

  it('bodies - of no contract, of one that this end lacks, and where none was agreed on, are ERR_PROTOCOL', () => {
    const both = agreed([One, Two], [One, Two]);
    const good = frame('01 40 0000 00000000 00 00000001');
    expect(codeOf(both, good)).to.equal('none');
    expect(codeOf(undefined, good)).to.equal('ERR_PROTOCOL');
    expect(codeOf(agreed([Two], [One, Two]), good)).to.equal('ERR_PROTOCOL');
    expect(codeOf(agreed([One], []), good)).to.equal('ERR_PROTOCOL');
    for (const body of ['', '02 00000001', 'ff 00000001', '00', '00 000001', '00 0000000100']) {
      expect(codeOf(both, frame(`01 40 0000 00000000 ${body}`)), body).to.equal('ERR_PROTOCOL');
    }
  });

  it('bodies - that are said to be written in two ways are ERR_PROTOCOL', () => {
    const both = agreed([One], [One]);
    for (const flags of ['41', '42', '43']) {
      expect(codeOf(both, frame(`01 ${flags} 0000 00000000 00 00000001`))).to.equal('ERR_PROTOCOL');
      expect(codeOf(undefined, frame(`01 ${flags} 0000 00000000 a161`))).to.equal('ERR_PROTOCOL');
    }
  });

  it('large bodies - are cut after what came before them, and are not changed by what is written later', () => {
    const writer = new Writer({ contracts: agreed([Two], [Two]) });
    const long = { b: Array.from({ length: 40_000 }, (_, index) => `text ${index}`) };
    const other = { b: Array.from({ length: 40_000 }, (_, index) => `later ${index}`) };
    const bytes = writer.bytes((encoder) => {
      encoder.request(0, 7, Two.of(long), 1_000);
      encoder.message(0, Two.of({ b: ['short'] }), false);
      encoder.message(0, Two.of(other), false);
    });
    const read = decode(decoderOf({ contracts: agreed([Two], [Two]) }), bytes);
    const whole = read.filter(({ type }) => type !== 'part');
    expect(whole.map((one) => 'data' in one && one.data)).to.deep.equal([long, { b: ['short'] }, other]);
    expect(read.length).to.be.greaterThan(whole.length);
  });

  it('a value that throws - leaves the next frame decodable', () => {
    const writer = new Writer({ contracts: agreed([One], [One]) });
    const failing = {
      get a(): number {
        throw new Error('no');
      },
    };
    const bytes = writer.bytes((encoder) => {
      expect(() => encoder.message(0, One.of(failing), false)).to.throw('no');
      encoder.message(0, One.of({ a: 3 }), false);
    });
    expect(decode(decoderOf({ contracts: agreed([One], [One]) }), bytes)).to.have.lengthOf(1);
  });
});
