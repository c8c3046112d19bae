import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { pack } from 'msgpackr';
import { BusError } from '../../../lib/base/errors.ts';
import { createDeflater, createInflater } from '../../../lib/wire/fast-zlib.ts';
import type { Frame } from '../../../lib/wire/frames.ts';
import { NetIpcDecoder } from '../../../lib/wire/net-ipc/net-ipc-decoder.ts';
import { NetIpcEncoder } from '../../../lib/wire/net-ipc/net-ipc-encoder.ts';
import { tagWidth, writeTag } from '../../../lib/wire/net-ipc/packet.ts';
import { Slab } from '../../../lib/base/slab.ts';
import { stopwatch } from '../../support/stopwatch.ts';

const maxFrameBytes = 1 << 20;

function framed(body: Uint8Array): Buffer {
  const width = tagWidth(body.length);
  const bytes = Buffer.alloc(width + body.length);
  writeTag(bytes, 0, body.length, width);
  bytes.set(body, width);
  return bytes;
}

function json(packet: unknown): Buffer {
  return framed(Buffer.from(typeof packet === 'string' ? packet : JSON.stringify(packet)));
}

function decode(bytes: Uint8Array, step = bytes.length, messagepack = false, limit = maxFrameBytes): Frame[] {
  const decoder = new NetIpcDecoder({ messagepack, maxFrameBytes: limit });
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; at += step)
    decoder.feed(bytes.subarray(at, at + step), (frame) => frames.push(frame));
  return frames;
}

function codeOf(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    if (error instanceof BusError) return error.code;
    throw error;
  }
  return 'none';
}

const packets: [unknown, object][] = [
  [
    { t: 1, d: [1] },
    { type: 'message', lane: 0, data: [1], confirm: false },
  ],
  [{ t: 1 }, { type: 'message', lane: 0, data: undefined, confirm: false }],
  [
    { t: 1, d: 0, x: 'unknown' },
    { type: 'message', lane: 0, data: 0, confirm: false },
  ],
  [
    { t: 2, d: 'q', n: '0abc' },
    { type: 'request', lane: 0, id: '0abc', data: 'q', timeoutMs: undefined },
  ],
  [
    { t: 2, d: 'q', n: 'zz' },
    { type: 'request', lane: 0, id: 'zz', data: 'q', timeoutMs: undefined },
  ],
  [
    { t: 3, d: 'a', n: 'zz' },
    { type: 'response', lane: 0, id: 1_295, data: 'a' },
  ],
  [
    { t: 3, n: '0' },
    { type: 'response', lane: 0, id: 0, data: undefined },
  ],
  [
    { t: 3, n: '00' },
    { type: 'response', lane: 0, id: '00', data: undefined },
  ],
  [
    { t: 3, n: 'Zz' },
    { type: 'response', lane: 0, id: 'Zz', data: undefined },
  ],
  [
    { t: 3, n: 'zzzzzzzzzzzz' },
    { type: 'response', lane: 0, id: 'zzzzzzzzzzzz', data: undefined },
  ],
  [
    { t: 3, n: '1', e: { code: 'E', message: 'm', details: [1] } },
    { type: 'failure', lane: 0, id: 1, error: { code: 'E', message: 'm', details: [1] } },
  ],
  [
    { t: 4, d: 'p', n: 'k' },
    { type: 'ping', id: 'k', data: 'p' },
  ],
  [
    { t: 5, d: 'p', n: 'k' },
    { type: 'pong', id: 20, data: 'p' },
  ],
  [
    { t: 6, d: { m: 'r', a: true } },
    { type: 'end', reason: 'r', allowReconnect: true, code: undefined },
  ],
  [
    { t: 6, d: { a: false, c: 'ERR_X' } },
    { type: 'end', reason: undefined, allowReconnect: false, code: 'ERR_X' },
  ],
  [{ t: 6 }, { type: 'end', reason: undefined, allowReconnect: true, code: undefined }],
];

describe('net-ipc decoder', () => {
  for (const [packet, frame] of packets) {
    it(`reads ${JSON.stringify(packet)}`, () => {
      const inJson = json(packet);
      expect(decode(inJson)).to.deep.equal([{ ...frame, size: inJson.length }]);
      const packed = framed(pack(packet));
      expect(decode(packed, packed.length, true)).to.deep.equal([{ ...frame, size: packed.length }]);
    });
  }

  it('reads the same frames however the bytes are split', () => {
    const bytes = Buffer.concat([
      ...packets.map(([packet]) => json(packet)),
      json({ t: 1, d: 'é'.repeat(300) }),
      json({ t: 1, d: 'x'.repeat(20_000) }),
      json({ t: 1, d: 'end' }),
    ]);
    const whole = decode(bytes);
    expect(whole).to.have.length(packets.length + 3);
    for (const step of [1, 2, 3, 7, 255, 256, 257, 4_096]) expect(decode(bytes, step)).to.deep.equal(whole);
    const start = bytes.subarray(0, 900);
    for (let cut = 1; cut < start.length; cut++) {
      const decoder = new NetIpcDecoder({ messagepack: false, maxFrameBytes });
      const frames: Frame[] = [];
      for (const part of [start.subarray(0, cut), start.subarray(cut), bytes.subarray(900)]) {
        decoder.feed(part, (frame) => frames.push(frame));
      }
      expect(frames).to.deep.equal(whole);
    }
  });

  it('takes maps that are not written the shortest way', () => {
    expect(decode(Buffer.from('8adf00000002a17401a164c0', 'hex').subarray(0, 0))).to.deep.equal([]);
    const body = Buffer.from('de0002a17401a164c3', 'hex');
    expect(decode(framed(body), 3, true)).to.deep.equal([
      { type: 'message', lane: 0, data: true, confirm: false, size: body.length + 1 },
    ]);
  });

  it('passes over packets of unknown types', () => {
    expect(decode(Buffer.concat([json({ t: 99, d: 1 }), json({ t: 7.5 }), json({ t: 1, d: 2 })]))).to.have.length(1);
  });

  it('gives copies of binary data, not views of what was received', () => {
    for (const size of [10, 1_000]) {
      const bytes = framed(pack({ t: 1, d: Buffer.alloc(size, 5) }));
      const [frame] = decode(bytes, bytes.length, true);
      bytes.fill(0);
      expect(frame).to.deep.include({ data: new Uint8Array(size).fill(5) });
    }
  });

  it('is not led to change prototypes', () => {
    const text =
      '{"t":1,"d":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}},"__proto__":{"t":2}}';
    expect(decode(json(text))[0]).to.include({ type: 'message' });
    decode(
      framed(
        pack(
          new Map([
            ['t', 1],
            ['__proto__', 2],
          ]),
        ),
      ),
      1,
      true,
    );
    expect(Object.keys(Object.prototype)).to.deep.equal([]);
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  });

  const malformed = [
    '[]',
    'null',
    '1',
    '"t"',
    '{}',
    '{"t":"1"}',
    '{"t":null}',
    '{"t":1',
    'nonsense',
    '{"t":0,"d":{}}',
    '{"t":2,"d":1}',
    '{"t":3}',
    '{"t":4,"n":null}',
    '{"t":5,"n":{}}',
    '{"t":2,"n":true}',
    `{"t":2,"n":"${'x'.repeat(129)}"}`,
    `{"t":2,"n":"${'é'.repeat(65)}"}`,
    '{"t":6,"d":1}',
    '{"t":3,"n":"1","e":1}',
    '{"t":3,"n":"1","e":{"code":1,"message":"m"}}',
    '{"t":3,"n":"1","e":null}',
  ];
  for (const text of malformed) {
    it(`refuses ${text.slice(0, 40)}`, () => {
      expect(codeOf(() => decode(json(text)))).to.equal('ERR_PROTOCOL');
    });
  }

  it('refuses an empty packet and a length that does not end', () => {
    expect(codeOf(() => decode(Buffer.from('80', 'hex')))).to.equal('ERR_PROTOCOL');
    for (const step of [1, 5]) {
      expect(codeOf(() => decode(Buffer.from('0000000000', 'hex'), step))).to.equal('ERR_PROTOCOL');
    }
  });

  it('refuses an announced length over the limit as soon as the length is there', () => {
    expect(codeOf(() => decode(Buffer.from('0800000080', 'hex'), 1))).to.equal('ERR_TOO_LARGE');
    expect(codeOf(() => decode(json({ t: 1, d: 'x'.repeat(100) }), 1, false, 113))).to.equal('ERR_TOO_LARGE');
    expect(decode(json({ t: 1, d: 'x'.repeat(100) }), 1, false, 114)).to.have.length(1);
  });

  it('delivers the frames before the bytes that are wrong', () => {
    const decoder = new NetIpcDecoder({ messagepack: false, maxFrameBytes });
    const frames: Frame[] = [];
    const bytes = Buffer.concat([json({ t: 1, d: 1 }), json({ t: 1, d: 2 }), json('wrong')]);
    expect(codeOf(() => decoder.feed(bytes, (frame) => frames.push(frame)))).to.equal('ERR_PROTOCOL');
    expect(frames).to.have.length(2);
  });

  it('allocates for the bytes that came, not for the length announced', () => {
    const decoders: NetIpcDecoder[] = [];
    const before = process.memoryUsage().arrayBuffers;
    for (let index = 0; index < 100; index++) {
      const decoder = new NetIpcDecoder({ messagepack: false, maxFrameBytes: 1 << 28 });
      decoder.feed(Buffer.from('7f7f7fff7b', 'hex'), () => {});
      decoders.push(decoder);
    }
    expect(decoders).to.have.length(100);
    expect(process.memoryUsage().arrayBuffers - before).to.be.lessThan(1 << 20);
  });

  it('takes a large packet in pieces of any size, small and large ones in turn', () => {
    const data = Array.from({ length: 12_000 }, (_, at) => ({ at, text: '"[{\\' }));
    const bytes = Buffer.concat([json({ t: 1, d: 'first' }), json({ t: 1, d: data }), json({ t: 1, d: 'last' })]);
    for (const sizes of [[20_000], [16_383], [1, 30_000], [40_000, 5], [17_000, 16_384, 100]]) {
      const decoder = new NetIpcDecoder({ messagepack: false, maxFrameBytes });
      const frames: Frame[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        decoder.feed(bytes.subarray(at, at + size), (frame) => frames.push(frame));
        at += size;
      }
      expect(frames.map((frame) => ('data' in frame ? frame.data : undefined))).to.deep.equal(['first', data, 'last']);
    }
  });

  it('refuses deep nesting in a packet of large pieces before it joins them', () => {
    const bytes = json(`{"t":1,"d":"${'x'.repeat(50_000)}","e":${'['.repeat(100)}${']'.repeat(100)}}`);
    expect(codeOf(() => decode(bytes, 20_000))).to.equal('ERR_PROTOCOL');
  });

  it('puts a large packet together in linear time', () => {
    const bytes = json({ t: 1, d: 'x'.repeat(8 << 20) });
    const elapsedMs = stopwatch();
    expect(decode(bytes, 1_024, false, 16 << 20)).to.have.length(1);
    expect(elapsedMs()).to.be.lessThan(1_000);
  });

  for (const messagepack of [false, true]) {
    it(`refuses deep nesting in a large body at once - ${messagepack ? 'MessagePack' : 'JSON'}`, () => {
      const count = 5_000_000;
      const head = messagepack ? Buffer.from('82a17401a164', 'hex') : Buffer.from('{"t":1,"d":');
      const bytes = framed(
        Buffer.concat([head, Buffer.alloc(count, messagepack ? 0x91 : '['), Buffer.alloc(count, ']')]),
      );
      const elapsedMs = stopwatch();
      expect(codeOf(() => decode(bytes, bytes.length, messagepack, 16 << 20))).to.equal('ERR_PROTOCOL');
      expect(elapsedMs()).to.be.lessThan(100);
    });
  }

  it('takes nesting of 64 in a large body', () => {
    const nested = `${'['.repeat(64)}${']'.repeat(64)}`;
    const deeper = `${'['.repeat(65)}${']'.repeat(65)}`;
    const padding = 'x'.repeat(5_000);
    expect(decode(json(`{"t":1,"p":"${padding}","d":${nested}}`))).to.have.length(1);
    expect(codeOf(() => decode(json(`{"t":1,"p":"${padding}","d":${deeper}}`)))).to.equal('ERR_PROTOCOL');
  });

  for (const messagepack of [false, true]) {
    for (const compress of [false, true]) {
      const name = `${messagepack ? 'MessagePack' : 'JSON'}${compress ? ', deflate' : ''}`;

      it(`reads what the encoder wrote, for any value and any split - ${name}`, () => {
        fc.assert(
          fc.property(fc.array(fc.jsonValue(), { maxLength: 8 }), fc.integer({ min: 1, max: 50 }), (raw, step) => {
            const values: unknown[] = raw.map((value) => JSON.parse(JSON.stringify(value)) as unknown);
            const slab = new Slab(512);
            const deflater = compress ? createDeflater() : undefined;
            const inflater = compress ? createInflater(maxFrameBytes) : undefined;
            const encoder = new NetIpcEncoder({ slab, messagepack, deflater, maxFrameBytes });
            const decoder = new NetIpcDecoder({ messagepack, inflater, maxFrameBytes });
            const sizes = values.map((value, index) =>
              index % 2 === 0 ? encoder.message(0, value, false) : encoder.request(0, index, value, undefined),
            );
            const bytes = Buffer.concat(slab.take());
            const frames: Frame[] = [];
            for (let at = 0; at < bytes.length; at += step) {
              decoder.feed(bytes.subarray(at, at + step), (frame) => frames.push(frame));
            }
            deflater?.close();
            inflater?.close();
            const expected: unknown = JSON.parse(JSON.stringify(values), (key, value: unknown) =>
              key === '__proto__' ? undefined : value,
            );
            expect(frames.map((frame) => ('data' in frame ? frame.data : undefined))).to.deep.equal(expected);
            if (!compress) expect(frames.map((frame) => frame.size)).to.deep.equal(sizes);
          }),
          { numRuns: compress ? 40 : 200 },
        );
      });

      it(`answers valid bytes with a few of them changed with frames or a BusError - ${name}`, () => {
        const slab = new Slab();
        const deflater = compress ? createDeflater() : undefined;
        const encoder = new NetIpcEncoder({ slab, messagepack, deflater, maxFrameBytes });
        for (let index = 0; index < 5; index++) {
          encoder.message(
            0,
            { index, list: [1, { deep: 'x'.repeat(index * 50) }], bytes: Buffer.alloc(20, index) },
            false,
          );
          encoder.request(0, index, index, undefined);
          encoder.failure(0, index, { code: 'E', message: 'm' });
          encoder.end('r', true, 'ERR_X');
        }
        const valid = Buffer.concat(slab.take());
        deflater?.close();
        const change = fc.tuple(fc.nat(valid.length - 1), fc.nat(255));
        fc.assert(
          fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(valid.length), (changes, cut) => {
            const bytes = Buffer.from(valid);
            for (const [at, byte] of changes) bytes[at] = byte;
            const inflater = compress ? createInflater(maxFrameBytes) : undefined;
            const decoder = new NetIpcDecoder({ messagepack, inflater, maxFrameBytes });
            try {
              decoder.feed(bytes.subarray(0, cut), () => {});
              decoder.feed(bytes.subarray(cut), () => {});
            } catch (error) {
              expect(error).to.be.instanceOf(BusError);
            } finally {
              inflater?.close();
            }
          }),
          { numRuns: compress ? 100 : 2_000 },
        );
      });

      it(`answers arbitrary bytes with nothing but a BusError - ${name}`, () => {
        const inflaters: { close(): void }[] = [];
        fc.assert(
          fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), fc.boolean(), (parts, tagged) => {
            const inflater = compress ? createInflater(maxFrameBytes) : undefined;
            if (inflater) inflaters.push(inflater);
            const decoder = new NetIpcDecoder({ messagepack, inflater, maxFrameBytes });
            try {
              for (const part of parts) decoder.feed(tagged ? framed(part) : part, () => {});
            } catch (error) {
              expect(error).to.be.instanceOf(BusError);
            }
          }),
          { numRuns: compress ? 100 : 2_000 },
        );
        for (const inflater of inflaters) inflater.close();
      });
    }
  }
});
