import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { MessageFrame } from '../../../lib/wire/frames.ts';
import { broadcastFrame } from '../../../lib/wire/native/broadcast-frame.ts';
import { decode, decoderOf, Writer } from './native-peer.ts';

const trace = Uint8Array.from({ length: 26 }, (_, index) => index);
const traces = true;

function traced(write: (writer: Writer) => Buffer, limits = {}): Buffer {
  const writer = new Writer(limits);
  writer.trace = trace;
  return write(writer);
}

describe('trace contexts', () => {
  for (const bytes of [10, 65_560, 65_599, 300_000]) {
    it(`a body of ${bytes} bytes - has its context, cut or not, raw, packed and broadcast`, () => {
      const raw = Buffer.alloc(bytes, 7);
      const text = 'x'.repeat(bytes);
      const message = (data: unknown) => (writer: Writer) => writer.bytes((encoder) => encoder.message(0, data, false));
      const broadcast = (data: unknown) => (writer: Writer) =>
        writer.bytes((encoder) => encoder.encoded(0, { data, native: broadcastFrame(data, 0, 64) }));
      for (const [data, write] of [
        [raw, message(raw)],
        [text, message(text)],
        [raw, broadcast(raw)],
        [text, broadcast(text)],
      ] as const) {
        const frames = decode(decoderOf({ traces }), traced(write)).filter(({ type }) => type === 'message');
        expect(frames.map((frame) => (frame as MessageFrame).trace)).to.deep.equal([trace]);
        expect((frames[0] as MessageFrame).data).to.deep.equal(data);
      }
    });
  }

  it('the limit of a body - does not count them', () => {
    const limits = { maxFrameBytes: 100_000 };
    const data = Buffer.alloc(99_999);
    const bytes = traced((writer) => writer.bytes((encoder) => encoder.message(0, data, false)), limits);
    const frames = decode(decoderOf({ traces, ...limits }), bytes);
    expect(frames.at(-1)).to.deep.include({ type: 'message', trace });
    const more = Buffer.alloc(100_000);
    expect(() => traced((writer) => writer.bytes((encoder) => encoder.message(0, more, false)), limits))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
  });

  it('an end that did not agree - refuses them', () => {
    const bytes = traced((writer) => writer.bytes((encoder) => encoder.request(0, 1, 'x', undefined)));
    expect(() => decode(decoderOf(), bytes))
      .to.throw()
      .with.property('code', 'ERR_PROTOCOL');
  });

  for (const [what, hex] of [
    ['a body that is too short', `000000210182000000000000${'00'.repeat(25)}`],
    ['a body that is too short behind its deadline', `00000025029200000000000100000100${'00'.repeat(25)}`],
    ['a response', `000000230382000000000001${'00'.repeat(26)}a0`],
    ['a heartbeat', `000000222180000000000000${'00'.repeat(26)}`],
    ['the name of a lane', `000000240982000100000000${'00'.repeat(26)}a178`],
  ] as const) {
    it(`${what} - is refused`, () => {
      expect(() => decode(decoderOf({ traces }), Buffer.from(hex, 'hex')))
        .to.throw()
        .with.property('code', 'ERR_PROTOCOL');
    });
  }
});
