import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BusError } from '../../../lib/base/errors.ts';
import {
  decodeCommand,
  decodeMessage,
  encodeMessage,
  type MessageType,
} from '../../../lib/plugins/dispatch/message.ts';

const vectors: readonly [string, MessageType, string, number, string, string][] = [
  ['OPENED', 0, '127.0.0.1', 0, '', '003132372e302e302e3100000000000000000000000000'],
  ['RECEIVED', 2, '127.0.0.1', 0, 'testing', '023132372e302e302e310000000000000000000000000774657374696e67'],
  ['CLOSE of a large id', 4, '::1', 0x1_0000_0002, '', `04${'3a3a3100'}${'0000000100000002'}${'00000000'}`],
];

function codeOf(bytes: Buffer): string {
  try {
    decodeCommand(bytes);
    return 'taken';
  } catch (error) {
    if (error instanceof BusError) return error.code;
    throw error;
  }
}

describe('dispatch message', () => {
  for (const [name, type, address, id, data, hex] of vectors) {
    it(`${name} - has the bytes of the protocol, both ways`, () => {
      expect(encodeMessage(type, address, id, Buffer.from(data)).toString('hex')).to.equal(hex);
      const { data: decoded, ...rest } = decodeMessage(Buffer.from(hex, 'hex'));
      expect(rest).to.deep.equal({ type, address, id });
      expect(Buffer.from(decoded).toString()).to.equal(data);
    });
  }

  it('any message - survives the way there and back, whatever follows it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<MessageType>(0, 1, 2, 3, 4),
        fc.oneof(fc.ipV4(), fc.ipV6()),
        fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 20 }),
        (type, address, id, data, tail) => {
          const message = decodeCommand(Buffer.concat([encodeMessage(type, address, id, data), tail]));
          expect({ ...message, data: [...message.data] }).to.deep.equal({ type, address, id, data: [...data] });
        },
      ),
    );
  });

  it('every cut - is refused as a protocol error', () => {
    const whole = encodeMessage(3, '192.168.100.200', 12, Buffer.from('data'));
    for (let length = 0; length < whole.length; length++) {
      expect(codeOf(whole.subarray(0, length)), `${length} bytes`).to.equal('ERR_PROTOCOL');
    }
    expect(codeOf(whole)).to.equal('taken');
  });

  it('any bytes - are taken or refused as a protocol error, and allocate nothing for a size that lies', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        expect(codeOf(Buffer.from(bytes))).to.be.oneOf(['taken', 'ERR_PROTOCOL']);
      }),
    );
    const lie = encodeMessage(3, '10.0.0.1', 0, Buffer.from('x'));
    lie.writeUInt32BE(0xffff_ffff, lie.length - 5);
    expect(() => decodeMessage(lie)).to.throw('should have 4294967295 bytes and has 1');
  });

  it('an endless address - is refused by its length', () => {
    expect(() => decodeMessage(Buffer.alloc(1_000, 0x01))).to.throw('longer than 64 bytes');
  });
});
