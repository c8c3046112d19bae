import { expect } from 'chai';
import { describe, it } from 'mocha';
import { payloadKind, nobody, ChannelFrame } from '../../../lib/plugins/channels/channel-frame.ts';

describe('frame', () => {
  const vectors: readonly (readonly [string, ChannelFrame])[] = [
    ['00010000000200' + '6869', new ChannelFrame(payloadKind.data, 1, 2, false, Buffer.from('hi'))],
    ['01ffffffffff00' + '61', new ChannelFrame(payloadKind.chunk, 0xff_ff_ff_ff, 255, false, Buffer.from('a'))],
    ['0200000100' + '0000' + '80', new ChannelFrame(payloadKind.call, 65_536, 0, false, Buffer.from([0x80]))],
    ['8104030201ffff' + '61', new ChannelFrame(payloadKind.chunk, 0x01_02_03_04, nobody, true, Buffer.from('a'))],
    ['83010000000000' + '61', new ChannelFrame(payloadKind.stream, 1, 0, true, Buffer.from('a'))],
  ];
  for (const [hex, frame] of vectors) {
    it(`vector - ${hex} is written and read`, () => {
      expect(Buffer.from(frame.bytes).toString('hex')).to.equal(hex);
      const read = ChannelFrame.read(Buffer.from(hex, 'hex'));
      expect({ ...read, body: read?.body.toString() }).to.deep.equal({ ...frame, body: frame.body.toString() });
    });
  }

  it('reading - a frame is passed on as it came, without a copy', () => {
    const frame = Buffer.from('000100000002006869', 'hex');
    expect(ChannelFrame.read(frame)?.bytes).to.equal(frame);
  });

  it('reading - the body of a frame that is no Buffer, as pages send it, is a Buffer over the same bytes', () => {
    const frame = new Uint8Array(Buffer.from('000100000002006869', 'hex'));
    const read = ChannelFrame.read(frame);
    expect(Buffer.isBuffer(read?.body)).to.equal(true);
    expect(read?.body.toString()).to.equal('hi');
    frame[8] = 0x61;
    expect(read?.body.toString()).to.equal('ha');
    expect(read?.bytes).to.equal(frame);
  });

  it('reading - what is too short or of an unknown kind is no frame', () => {
    for (const hex of ['', '00', '000100000002', '0401000000020061', '7f01000000020061']) {
      expect(ChannelFrame.read(Buffer.from(hex, 'hex'))).to.equal(undefined);
    }
  });
});
