import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Frame } from '../../../lib/wire/frames.ts';
import { decode, decoderOf, type Limits, Writer } from './native-peer.ts';

function frame(type: number, flags: number, lane: number, id: number, body = ''): Buffer {
  const bytes = Buffer.from(body.replaceAll(' ', ''), 'hex');
  const header = Buffer.alloc(12);
  header.writeUInt32BE(8 + bytes.length);
  header.writeUInt8(type, 4);
  header.writeUInt8(flags, 5);
  header.writeUInt16BE(lane, 6);
  header.writeUInt32BE(id, 8);
  return Buffer.concat([header, bytes]);
}

function codeOf(bytes: Uint8Array, limits: Limits = {}): unknown {
  try {
    decode(decoderOf(limits), bytes);
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return 'accepted';
}

const nested = (depth: number, padding: number): string =>
  `92 c6 ${hex32(padding)} ${'00'.repeat(padding)} ${'91'.repeat(depth - 1)} c0`;
const hex32 = (value: number): string => value.toString(16).padStart(8, '0');

describe('native decoder', () => {
  const refused: [name: string, code: string, bytes: Buffer, limits?: Limits][] = [
    ['a length below that of the header', 'ERR_PROTOCOL', Buffer.from('00000007', 'hex')],
    ['a length over that of a chunk', 'ERR_TOO_LARGE', Buffer.from('00010049', 'hex')],
    ['the largest length there is', 'ERR_TOO_LARGE', Buffer.from('ffffffff', 'hex')],
    ['an unknown type', 'ERR_PROTOCOL', frame(10, 0, 0, 0)],
    ['an unknown control type', 'ERR_PROTOCOL', frame(38, 0, 0, 0)],
    ['type 0', 'ERR_PROTOCOL', frame(0, 0, 0, 0)],
    ['a body where none was announced', 'ERR_PROTOCOL', frame(1, 0, 0, 0, 'c0')],
    ['no body where MessagePack was announced', 'ERR_PROTOCOL', frame(1, 2, 0, 0)],
    ['MessagePack cut short', 'ERR_PROTOCOL', frame(1, 2, 0, 0, '92 01')],
    ['two values in one body', 'ERR_PROTOCOL', frame(1, 2, 0, 0, '01 01')],
    ['the byte that MessagePack never uses', 'ERR_PROTOCOL', frame(1, 2, 0, 0, '92 c1 d4 d4')],
    ['an unknown extension', 'ERR_PROTOCOL', frame(1, 2, 0, 0, 'd4 7f 00')],
    ['a reference to a cycle', 'ERR_PROTOCOL', frame(1, 2, 0, 0, 'd6 69 00000001 91 d6 70 00000001')],
    ['an array longer than its body', 'ERR_PROTOCOL', frame(1, 2, 0, 0, 'dd ffffffff')],
    ['a map longer than its body', 'ERR_PROTOCOL', frame(1, 2, 0, 0, 'df 7fffffff')],
    ['a string longer than its body', 'ERR_PROTOCOL', frame(1, 2, 0, 0, 'db ffffffff')],
    ['binary data longer than its body', 'ERR_PROTOCOL', frame(1, 2, 0, 0, 'c6 ffffffff')],
    ['record definitions that were not agreed on', 'ERR_PROTOCOL', frame(1, 1, 0, 0, 'd4 72 40 91 a1 61 01')],
    ['a record nobody defined', 'ERR_PROTOCOL', frame(1, 1, 0, 0, '41 01 02'), { records: true }],
    ['raw data without its kind', 'ERR_PROTOCOL', frame(1, 3, 0, 0)],
    ['raw data of an unknown kind', 'ERR_PROTOCOL', frame(1, 3, 0, 0, '0e 00')],
    ['raw data that ends inside an element', 'ERR_PROTOCOL', frame(1, 3, 0, 0, '0a 00 00 00')],
    ['a body too short for its deadline', 'ERR_PROTOCOL', frame(2, 0x10, 0, 1, '00 00 01')],
    ['an error without a code', 'ERR_PROTOCOL', frame(4, 2, 0, 1, '81 a4 63 6f 64 65 a1 78')],
    ['an error that is none', 'ERR_PROTOCOL', frame(4, 2, 0, 1, 'c0')],
    ['an end without its members', 'ERR_PROTOCOL', frame(8, 2, 0, 0, '80')],
    ['an end without a body', 'ERR_PROTOCOL', frame(8, 0, 0, 0)],
    ['a lane without a name', 'ERR_PROTOCOL', frame(9, 0, 1, 0)],
    ['a lane with an empty name', 'ERR_PROTOCOL', frame(9, 2, 1, 0, 'a0')],
    ['a lane with a name of 129 characters', 'ERR_PROTOCOL', frame(9, 2, 1, 0, `d9 81 ${'61'.repeat(129)}`)],
    ['data nested deeper than the limit', 'ERR_PROTOCOL', frame(1, 2, 0, 0, nested(65, 5_000))],
    [
      'another frame of the lane inside a cut body',
      'ERR_PROTOCOL',
      Buffer.concat([frame(1, 6, 0, 0, 'a2'), frame(2, 2, 0, 1, '68')]),
    ],
    [
      'another encoding inside a cut body',
      'ERR_PROTOCOL',
      Buffer.concat([frame(1, 6, 0, 0, 'a2'), frame(1, 3, 0, 0, '68')]),
    ],
    [
      'a cut body over the limit',
      'ERR_TOO_LARGE',
      Buffer.concat([frame(1, 6, 0, 0, '00'.repeat(600)), frame(1, 2, 0, 0, '00'.repeat(600))]),
      { maxFrameBytes: 1_024 },
    ],
    [
      'many cut bodies that are over the limit together',
      'ERR_TOO_LARGE',
      Buffer.concat([1, 2, 3, 4, 5].map((lane) => frame(1, 6, lane, 0, '00'.repeat(900)))),
      { maxFrameBytes: 1_024 },
    ],
  ];
  for (const [name, code, bytes, limits] of refused) {
    it(`${name} - is ${code}`, () => expect(codeOf(bytes, limits)).to.equal(code));
  }

  it('data nested to the limit - is accepted', () => {
    expect(codeOf(frame(1, 2, 0, 0, nested(64, 5_000)))).to.equal('accepted');
  });

  it('an announced frame - costs what came of it, not what was announced', () => {
    const decoder = decoderOf();
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 200 }, () => decoderOf());
    for (const each of [decoder, ...decoders]) decode(each, Buffer.from('00010048 01 02'.replaceAll(' ', ''), 'hex'));
    expect(process.memoryUsage().arrayBuffers - before).to.be.lessThan(1_000_000);
  });

  it('frames before an invalid one - are delivered', () => {
    const frames: Frame[] = [];
    const bytes = Buffer.concat([frame(1, 2, 0, 0, '01'), frame(1, 2, 0, 0, '02'), frame(10, 0, 0, 0)]);
    expect(() => decoderOf().feed(bytes, (each) => frames.push(each))).to.throw();
    expect(frames.map((each) => 'data' in each && each.data)).to.deep.equal([1, 2]);
  });

  it('restart - forgets half a frame, and keeps records and the parts of a body', () => {
    const writer = new Writer({ records: true });
    const decoder = decoderOf({ records: true });
    const first = writer.bytes((encoder) => encoder.message(0, { a: 1 }, false));
    const second = writer.bytes((encoder) => encoder.message(0, { a: 2 }, false));
    const large = writer.bytes((encoder) => encoder.message(0, Buffer.alloc(100_000, 5), false));
    const firstPart = large.readUInt32BE(0) + 4;

    expect(decode(decoder, first)).to.have.lengthOf(1);
    expect(decode(decoder, second.subarray(0, 7))).to.have.lengthOf(0);
    decoder.restart();
    expect(decode(decoder, second)).to.deep.equal([
      { type: 'message', lane: 0, data: { a: 2 }, confirm: false, size: second.length },
    ]);
    expect(decode(decoder, large.subarray(0, firstPart + 100))).to.deep.equal([
      { type: 'part', lane: 0, size: firstPart },
    ]);
    decoder.restart();
    const [whole] = decode(decoder, large.subarray(firstPart));
    expect(whole).to.have.property('data').that.deep.equals(Buffer.alloc(100_000, 5));
  });

  it('raw data - stays as it came when later bytes arrive in the same buffer', () => {
    const decoder = decoderOf();
    const found: Uint8Array[] = [];
    const writer = new Writer();
    for (const size of [1, 100, 4_000, 5_000, 60_000]) {
      const bytes = writer.bytes((encoder) => encoder.message(0, Buffer.alloc(size, size % 251), false));
      // Sockets hand out a buffer for each read; what must not happen is that the decoder writes over its own.
      const cut = Math.floor(bytes.length / 2);
      for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
        decoder.feed(Uint8Array.from(part), (each) => {
          if ('data' in each) found.push(each.data as Uint8Array);
        });
      }
    }
    expect(found.map((data) => data.length)).to.deep.equal([1, 100, 4_000, 5_000, 60_000]);
    for (const data of found) expect(data.every((byte) => byte === data.length % 251)).to.equal(true);
  });

  it('prototypes - are not touched by keys that name them', () => {
    const proto = 'a9 5f5f70726f746f5f5f';
    const [read] = decode(decoderOf(), frame(1, 2, 0, 0, `81 ${proto} 81 a1 78 01`));
    expect(({} as { x?: number }).x).to.equal(undefined);
    expect(Object.getPrototypeOf((read as { data: object }).data)).to.equal(Object.prototype);
  });
});
