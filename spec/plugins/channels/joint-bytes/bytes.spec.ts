import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BytesInput } from '../../../../lib/plugins/channels/joint-bytes/bytes-input.ts';
import { BytesOutput } from '../../../../lib/plugins/channels/joint-bytes/bytes-output.ts';
import { hex, toHex } from '../joint/vectors.ts';

type Vector = readonly [
  what: string,
  bytes: string,
  write: (output: BytesOutput) => void,
  read: (input: BytesInput) => unknown,
  value: unknown,
];

const vectors: readonly Vector[] = [
  ['bool true', '01', (o) => o.writeBool(true), (i) => i.readBool(), true],
  ['bool false', '00', (o) => o.writeBool(false), (i) => i.readBool(), false],
  ['byte', 'ff', (o) => o.writeByte(255), (i) => i.readByte(), 255],
  ['int8', '80', (o) => o.writeInt8(-128), (i) => i.readInt8(), -128],
  ['uint16', 'ffff', (o) => o.writeUInt16(65_535), (i) => i.readUInt16(), 65_535],
  ['int16', 'feff', (o) => o.writeInt16(-2), (i) => i.readInt16(), -2],
  ['int24', 'feffff', (o) => o.writeInt24(-2), (i) => i.readInt24(), -2],
  ['uint24', '563412', (o) => o.writeUInt24(0x12_34_56), (i) => i.readUInt24(), 0x12_34_56],
  ['int32', 'fdffffff', (o) => o.writeInt32(-3), (i) => i.readInt32(), -3],
  ['float', '0000c03f', (o) => o.writeFloat(1.5), (i) => i.readFloat(), 1.5],
  ['double', '9a9999999999b93f', (o) => o.writeDouble(0.1), (i) => i.readDouble(), 0.1],
  ['length 0', '00', (o) => o.writeLength(0), (i) => i.readLength(), 0],
  ['length 127', '7f', (o) => o.writeLength(127), (i) => i.readLength(), 127],
  ['length 128', '80 01', (o) => o.writeLength(128), (i) => i.readLength(), 128],
  ['length 300', 'ac 02', (o) => o.writeLength(300), (i) => i.readLength(), 300],
  ['length 2097152', '80 80 80 01', (o) => o.writeLength(2_097_152), (i) => i.readLength(), 2_097_152],
  ['length 536870911', 'ff ff ff ff', (o) => o.writeLength(536_870_911), (i) => i.readLength(), 536_870_911],
  ['string', '06 68c3a46c6c6f', (o) => o.writeString('hällo'), (i) => i.readString(), 'hällo'],
  ['bytes', '03 c0ffee', (o) => o.writeBytes(hex('c0ffee')), (i) => toHex(i.readBytes()), 'c0ffee'],
];

describe('joint bytes', () => {
  for (const [what, bytes, write, read, value] of vectors) {
    it(`vector - ${what} is ${bytes}, and back`, () => {
      const output = new BytesOutput();
      write(output);
      expect(toHex(output.getBytes())).to.equal(toHex(hex(bytes)));
      const input = new BytesInput(hex(bytes));
      expect(read(input)).to.equal(value);
      expect(input.bytesLeft).to.equal(0);
    });

    it(`cut - ${what} that ends early is refused`, () => {
      const whole = hex(bytes);
      for (let end = 0; end < whole.length; end += 1) {
        expect(() => read(new BytesInput(whole.subarray(0, end))))
          .to.throw()
          .with.property('code', 'ERR_PROTOCOL');
      }
    });
  }

  it('output - grows as needed and keeps what was taken', () => {
    const output = new BytesOutput();
    output.writeByte(1);
    const taken = output.getBytes();
    output.write(Buffer.alloc(63, 2));
    output.writeDouble(0.5);
    output.write(Buffer.alloc(1_000, 2));
    expect(toHex(taken)).to.equal('01');
    expect(output.getBytes()).to.have.length(1_072);
  });

  it('output - values out of range are refused', () => {
    const output = new BytesOutput();
    for (const write of [
      () => output.writeByte(256),
      () => output.writeByte(-1),
      () => output.writeByte(1.5),
      () => output.writeInt16(32_768),
      () => output.writeInt32(2_147_483_648),
      () => output.writeLength(536_870_912),
    ]) {
      expect(write).to.throw().with.property('code', 'ERR_INVALID_ARGUMENT');
    }
  });

  it('input - a length with an empty last group, and a string that is not UTF-8, are refused', () => {
    expect(() => new BytesInput(hex('80 00')).readLength())
      .to.throw()
      .with.property('code', 'ERR_PROTOCOL');
    expect(() => new BytesInput(hex('02 c328')).readString())
      .to.throw()
      .with.property('code', 'ERR_PROTOCOL');
  });
});
