import { expect } from 'chai';
import { describe, it } from 'mocha';
import { goneByte, JointServerWriter } from '../../../../lib/plugins/channels/joint/server-writer.ts';
import { hex, toHex } from './vectors.ts';

const long = '61'.repeat(300);
const vectors: readonly (readonly [what: string, bytes: string, write: (writer: JointServerWriter) => void])[] = [
  ['reply to a create', '00 03 01 00 00', (writer) => writer.reply(1, true, 0)],
  ['reply with an error', '00 03 02 01 04', (writer) => writer.reply(2, false, 4)],
  ['user connect', '00 04 00 00 00 00', (writer) => writer.userConnect(0, 0)],
  ['user disconnect, left', '00 05 00 01 00 00 00', (writer) => writer.userDisconnect(0, 0, goneByte.left)],
  ['user disconnect, lost', '00 05 00 01 00 00 01', (writer) => writer.userDisconnect(0, 0, goneByte.lost)],
  ['channel gone', '00 04 00 02 00 00', (writer) => writer.gone(0, goneByte.left)],
  ['channel gone, kicked', '00 04 00 02 05 02', (writer) => writer.gone(5, goneByte.kicked)],
  ['keep-alive', '00 04 00 ff 00 00', (writer) => writer.keepAlive()],
  ['data to a user', '03 00 6869', (writer) => writer.toUser(0, hex('6869'))],
  ['data to an owner', '04 80 00 796f', (writer) => writer.toOwner(0, 0, hex('796f'))],
  ['long data to an owner', `81 2e 80 00 ${long}`, (writer) => writer.toOwner(0, 0, hex(long))],
];

describe('joint server writer', () => {
  for (const [what, bytes, write] of vectors) {
    it(`vector - ${what}`, () => {
      const writer = new JointServerWriter();
      write(writer);
      expect(toHex(writer.take())).to.equal(toHex(hex(bytes)));
      expect(writer.pendingBytes).to.equal(0);
    });
  }

  it('splitting - data over one unit becomes several, none longer than 32,767 bytes', () => {
    const writer = new JointServerWriter();
    const data = Buffer.alloc(32_766, 9);
    writer.toOwner(1, 2, data);
    const bytes = writer.take();
    expect(toHex(bytes.subarray(0, 4))).to.equal('ffff8102');
    expect(toHex(bytes.subarray(32_769))).to.equal('03810209');
    writer.toUser(1, data);
    expect(writer.take()).to.have.length(3 + 32_766);
  });

  it('chunks - header and body are units of their own', () => {
    const writer = new JointServerWriter();
    writer.chunkToUser(0, hex('616263'), 32_768);
    writer.chunkToOwner(0, 1, Buffer.alloc(300, 1), 32_768);
    expect(toHex(writer.take())).to.equal(
      toHex(hex(`02 00 02 04 00 616263 04 80 01 ab02 81 2e 80 01 ${'01'.repeat(300)}`)),
    );
  });
});
