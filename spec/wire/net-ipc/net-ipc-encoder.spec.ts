import { expect } from 'chai';
import { describe, it } from 'mocha';
import { pack, unpack } from 'msgpackr';
import { BusError } from '../../../lib/base/errors.ts';
import { createDeflater } from '../../../lib/wire/fast-zlib.ts';
import { NetIpcEncoder } from '../../../lib/wire/net-ipc/net-ipc-encoder.ts';
import { Slab } from '../../../lib/base/slab.ts';

interface Bench {
  readonly slab: Slab;
  readonly encoder: NetIpcEncoder;
}

/** Data that says itself how it is encoded. */
class Custom {
  readonly toJSON: () => unknown;

  constructor(toJSON: () => unknown) {
    this.toJSON = toJSON;
  }
}

function make(messagepack: boolean, maxFrameBytes = 1 << 20, slabBytes = 65_536): Bench {
  const slab = new Slab(slabBytes);
  return { slab, encoder: new NetIpcEncoder({ slab, messagepack, maxFrameBytes }) };
}

function taken(slab: Slab): Buffer {
  return Buffer.concat(slab.take());
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

const texts: [string, (encoder: NetIpcEncoder) => number, string][] = [
  ['a message', (encoder) => encoder.message(0, { a: 1 }, false), '{"t":1,"d":{"a":1}}'],
  ['a message without data', (encoder) => encoder.message(0, undefined, false), '{"t":1}'],
  ['a request', (encoder) => encoder.request(0, 46_655, [1], 5_000), '{"t":2,"d":[1],"n":"zzz"}'],
  ['the first request', (encoder) => encoder.request(0, 0, null, undefined), '{"t":2,"d":null,"n":"0"}'],
  ['a response', (encoder) => encoder.response(0, 'x"y', 'é'), '{"t":3,"d":"é","n":"x\\"y"}'],
  ['a response to a number', (encoder) => encoder.response(0, 7, true), '{"t":3,"d":true,"n":7}'],
  [
    'a failure',
    (encoder) => encoder.failure(0, 'n', { code: 'ERR_REMOTE', message: 'no' }),
    '{"t":3,"e":{"code":"ERR_REMOTE","message":"no"},"n":"n"}',
  ],
  ['a ping', (encoder) => encoder.ping(35, 'p'), '{"t":4,"d":"p","n":"z"}'],
  ['a pong', (encoder) => encoder.pong('z', 'p'), '{"t":5,"d":"p","n":"z"}'],
  ['an end', (encoder) => encoder.end('bye', false, undefined), '{"t":6,"d":{"m":"bye","a":false}}'],
  [
    'an end with a code',
    (encoder) => encoder.end('bye', true, 'ERR_CLOSED'),
    '{"t":6,"d":{"m":"bye","a":true,"c":"ERR_CLOSED"}}',
  ],
];

describe('net-ipc encoder', () => {
  for (const [name, write, text] of texts) {
    it(`writes ${name} in JSON and in MessagePack`, () => {
      const json = make(false);
      const length = Buffer.byteLength(text);
      expect(write(json.encoder)).to.equal(length + 1);
      expect(taken(json.slab).toString('latin1')).to.equal(
        Buffer.concat([Buffer.from([0x80 + length]), Buffer.from(text)]).toString('latin1'),
      );

      const packed = make(true);
      const size = write(packed.encoder);
      const bytes = taken(packed.slab);
      expect(bytes.length).to.equal(size);
      expect(bytes[0]).to.equal(0x80 + size - 1);
      expect(unpack(bytes.subarray(1))).to.deep.equal(JSON.parse(text));
    });
  }

  it('writes the MessagePack members one after the other', () => {
    const { slab, encoder } = make(true);
    encoder.request(0, 36, { a: 1 }, undefined);
    expect(taken(slab).toString('hex')).to.equal('8f' + '83' + 'a17402' + 'a16e' + 'a23130' + 'a164' + '81a16101');
  });

  it('flushes each deflated packet by itself and keeps the trailer', () => {
    const slab = new Slab();
    const deflater = createDeflater();
    const encoder = new NetIpcEncoder({ slab, messagepack: false, deflater, maxFrameBytes: 1_000 });
    const first = encoder.message(0, 'the same text twice', false);
    const bytes = taken(slab);
    expect(bytes.subarray(-4).toString('hex')).to.equal('0000ffff');
    expect(bytes[0]).to.equal(0x80 + first - 1);
    expect(encoder.message(0, 'the same text twice', false)).to.be.lessThan(first / 2);
    deflater.close();
  });

  it('does not have lanes, confirmations and control frames', () => {
    const { slab, encoder } = make(false);
    const lacking = [
      () => encoder.message(1, 0, false),
      () => encoder.message(0, 0, true),
      () => encoder.request(1, 0, 0, undefined),
      () => encoder.response(1, 0, 0),
      () => encoder.failure(1, 0, { code: 'X', message: '' }),
      () => encoder.encoded(1, { data: 1 }),
    ];
    for (const task of lacking) expect(codeOf(task)).to.equal('ERR_PEER_LACKS_FEATURE');
    const silent = [encoder.ack(1), encoder.heartbeatReply(), encoder.pause(), encoder.resume()];
    silent.push(encoder.goingAway(), encoder.cancel(0, 1), encoder.open(1, 'x'));
    expect(silent).to.deep.equal(silent.map(() => 0));
    expect(slab.pendingBytes).to.equal(0);
  });

  for (const messagepack of [false, true]) {
    const codec = messagepack ? 'MessagePack' : 'JSON';
    const decode = (bytes: Uint8Array): unknown =>
      messagepack ? unpack(bytes) : JSON.parse(Buffer.from(bytes).toString());

    it(`leaves keys __proto__ out, and nothing else - ${codec}`, () => {
      const { slab, encoder } = make(messagepack);
      const bytes = new Uint8Array(20).fill(9);
      const data = JSON.parse(
        '{"a":[{"__proto__":{"x":1},"k":2}],"__proto_":1,"__proto__":3,"text":"__proto__"}',
      ) as object;
      const left = { a: [{ k: 2 }], __proto_: 1, text: '__proto__' };
      for (const write of [
        () => encoder.message(0, data, false),
        () => encoder.request(0, 1, data, undefined),
        () => encoder.response(0, 'a nonce that is longer than the usual one', data),
        () => encoder.encoded(0, { data }),
        () => encoder.end(data, false, undefined),
      ]) {
        write();
        const { d } = decode(taken(slab).subarray(1)) as { d: object & { m?: unknown } };
        const got = d.m ?? d;
        expect(got).to.deep.equal(left);
        expect(Object.keys(got)).to.deep.equal(['a', '__proto_', 'text']);
      }
      if (!messagepack) return;
      const values = { bytes, date: new Date(5), set: new Set([1]), text: '__proto__', list: new Float32Array([1.5]) };
      encoder.message(0, values, false);
      expect((decode(taken(slab).subarray(1)) as { d: unknown }).d).to.deep.equal({
        ...values,
        bytes: Buffer.from(bytes),
      });
    });

    it(`leaves the slab as it was when data cannot be encoded - ${codec}`, () => {
      const { slab, encoder } = make(messagepack);
      const circular: unknown[] = ['before'];
      circular.push(circular);
      const failing = new Custom(() => JSON.parse('{') as unknown);
      encoder.message(0, 'first', false);
      for (const data of [circular, failing, () => 1, Symbol('s'), ...(messagepack ? [] : [1n])]) {
        expect(codeOf(() => encoder.message(0, data, false))).to.equal('ERR_UNENCODABLE');
      }
      encoder.message(0, 'last', false);
      const bytes = taken(slab);
      const end = 1 + ((bytes[0] ?? 0) & 0x7f);
      expect(decode(bytes.subarray(1, end))).to.deep.equal({ t: 1, d: 'first' });
      expect(decode(bytes.subarray(end + 1))).to.deep.equal({ t: 1, d: 'last' });
    });

    it(`refuses what is over the limit and writes what is just under it - ${codec}`, () => {
      const { slab, encoder } = make(messagepack, 1_000);
      for (const data of ['x'.repeat(1_000), 'é'.repeat(500), Buffer.alloc(5_000, 200)]) {
        expect(codeOf(() => encoder.message(0, data, false))).to.equal('ERR_TOO_LARGE');
      }
      expect(slab.pendingBytes).to.equal(0);
      const overhead = messagepack ? 9 : 14;
      expect(encoder.message(0, 'x'.repeat(1_000 - overhead), false)).to.equal(1_002);
      expect(codeOf(() => encoder.message(0, 'x'.repeat(1_001 - overhead), false))).to.equal('ERR_TOO_LARGE');
    });

    it(`writes bodies of every size about the tag's and the slab's edges - ${codec}`, () => {
      const { slab, encoder } = make(messagepack, 1 << 20, 4_096);
      const sizes = [
        ...Array(300).keys(),
        4_000,
        4_096,
        10,
        16_360,
        16_384,
        16_400,
        1,
        40_000,
        65_500,
        65_540,
        200_000,
        3,
      ];
      for (const size of sizes) encoder.message(0, { text: 'é'.repeat(size), size }, false);
      const bytes = taken(slab);
      let at = 0;
      for (const size of sizes) {
        let length = 0;
        for (; (bytes[at] ?? 0) < 0x80; at++) length = length * 128 + (bytes[at] ?? 0);
        length = length * 128 + ((bytes[at] ?? 0) & 0x7f);
        at += 1;
        expect(decode(bytes.subarray(at, at + length))).to.deep.equal({ t: 1, d: { text: 'é'.repeat(size), size } });
        at += length;
      }
      expect(at).to.equal(bytes.length);
    });

    it(`encodes a broadcast once for all peers of a codec - ${codec}`, () => {
      let stringified = 0;
      const data = new Custom(() => ({ times: ++stringified }));
      const frame = { data };
      const one = make(messagepack);
      const other = make(messagepack);
      for (const { encoder } of [one, other]) encoder.encoded(0, frame);
      for (const { encoder } of [one, other]) encoder.message(0, 'after', false);
      const bytes = taken(one.slab);
      expect(taken(other.slab).equals(bytes)).to.equal(true);
      expect(stringified).to.equal(1);
      expect(decode(bytes.subarray(1, 1 + ((bytes[0] ?? 0) & 0x7f)))).to.deep.equal({ t: 1, d: { times: 1 } });
    });
  }

  it('keeps large binary data apart from the buffer the caller goes on using', () => {
    const { slab, encoder } = make(true);
    const data = Buffer.alloc(100_000, 7);
    encoder.message(0, data, false);
    data.fill(9);
    const bytes = taken(slab);
    expect(unpack(bytes.subarray(3))).to.deep.equal({ t: 1, d: Buffer.alloc(100_000, 7) });
  });

  it('leaves alone what the process packs by itself', () => {
    const { slab, encoder } = make(true);
    const own: [Buffer, number][] = [];
    for (let index = 0; index < 2_000; index++) {
      encoder.message(0, { index }, false);
      own.push([pack({ own: index }), index]);
    }
    taken(slab);
    for (const [bytes, index] of own) expect(unpack(bytes)).to.deep.equal({ own: index });
  });

  it('refuses to send from inside the encoding of other data', () => {
    const { slab, encoder } = make(true);
    let inner = '';
    const data = new Custom(() => {
      inner = codeOf(() => encoder.message(0, 'inner', false));
      return 'outer';
    });
    encoder.message(0, data, false);
    expect(inner).to.equal('ERR_STATE');
    expect(unpack(taken(slab).subarray(1))).to.deep.equal({ t: 1, d: 'outer' });
  });
});
