import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createInflater } from '../../../lib/wire/fast-zlib.ts';
import type { Frame } from '../../../lib/wire/frames.ts';
import type { ClientHello } from '../../../lib/wire/handshake/hello.ts';
import { NetIpcDecoder } from '../../../lib/wire/net-ipc/net-ipc-decoder.ts';
import { readPlainPacket } from '../../../lib/wire/handshake/packet.ts';
import { acceptHello, refusal } from '../../../lib/wire/handshake/refusal.ts';

const hello: ClientHello = { compress: false, messagepack: false, extras: null, id: 'kept' };
const offer = { versions: [1], features: [], maxFrameBytes: 1 };

describe('refusal', () => {
  it('is one END packet for a busbar client, and for everybody who may come back', () => {
    const text = (allow: boolean) => `{"t":6,"d":{"m":"no","a":${allow},"c":"ERR_X"}}`;
    const body = (bytes: Uint8Array) => Buffer.from(bytes.subarray(1)).toString();
    expect(body(refusal('ERR_X', 'no', false, { ...hello, busbar: offer }))).to.equal(text(false));
    expect(body(refusal('ERR_X', 'no', false))).to.equal(text(false));
    expect(body(refusal('ERR_X', 'no', true, hello))).to.equal(text(true));
  });

  for (const reason of ['no', 'grüße', 'x'.repeat(100_000)]) {
    for (const messagepack of [false, true]) {
      for (const compress of [false, true]) {
        it(`follows an acceptance in the codecs it names - ${reason.length}, ${messagepack}, ${compress}`, () => {
          const bytes = refusal('ERR_UNAUTHORIZED', reason, false, { ...hello, messagepack, compress });
          const accept = readPlainPacket(bytes, 0, 200_000, 8);
          if (!accept) throw new Error('no acceptance');
          const end = { m: reason, a: false, c: 'ERR_UNAUTHORIZED' };
          expect(accept).to.deep.include({ type: 0, data: { id: 'kept', compress, messagepack, end } });
          const frames: Frame[] = [];
          const inflater = compress ? createInflater(1 << 20) : undefined;
          const decoder = new NetIpcDecoder({ messagepack, inflater, maxFrameBytes: 1 << 20 });
          decoder.feed(bytes.subarray(accept.end), (frame) => frames.push(frame));
          inflater?.close();
          expect(frames).to.have.length(1);
          expect(frames[0]).to.deep.include({ type: 'end', reason, allowReconnect: false, code: 'ERR_UNAUTHORIZED' });
        });
      }
    }
  }
});

describe('acceptance', () => {
  it('is plain JSON whatever it announces', () => {
    const bytes = acceptHello({ id: 'i', compress: true, messagepack: true });
    expect(Buffer.from(bytes).toString('latin1')).to.equal(
      '\xb9{"t":0,"d":{"id":"i","compress":true,"messagepack":true}}'.replace(
        '\xb9',
        String.fromCharCode(0x80 + bytes.length - 1),
      ),
    );
  });
});
