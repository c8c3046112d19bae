import { expect } from 'chai';
import { describe, it } from 'mocha';
import { BodyReader as PageReader } from '../../../lib/browser/body-codec.ts';
import { unpackStruct } from '../../../lib/plugins/rpc/joint/joint-type.ts';
import type { Frame } from '../../../lib/wire/frames.ts';
import { BodyPacker, BodyReader } from '../../../lib/wire/native/body-codec.ts';
import { NetIpcDecoder } from '../../../lib/wire/net-ipc/net-ipc-decoder.ts';

const bytesOf = (...parts: (string | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)));

function packet(body: Uint8Array): Buffer {
  const whole = bytesOf('82a17401a164', body);
  const tag = [(whole.length & 127) | 128];
  for (let rest = whole.length >> 7; rest > 0; rest >>= 7) tag.unshift(rest & 127);
  return bytesOf(Buffer.from(tag), whole);
}

const totals = () => ({ keys: 0, bytes: 0 });

/** Everything that reads MessagePack of a peer's. */
const readers: Record<string, () => (body: Uint8Array) => unknown> = {
  native: () => {
    const reader = new BodyReader();
    return (body) => reader.read(body, 0, body.length);
  },
  'native with records': () => {
    const reader = new BodyReader(totals());
    return (body) => reader.read(body, 0, body.length);
  },
  'net-ipc': () => {
    const decoder = new NetIpcDecoder({ messagepack: true, maxFrameBytes: 1 << 24 });
    return (body) => {
      let got: Frame | undefined;
      decoder.feed(packet(body), (frame) => (got = frame));
      return got?.type === 'message' ? got.data : undefined;
    };
  },
  'a page': () => {
    const reader = new PageReader();
    return (body) => reader.read(body, 0, body.length);
  },
  'a joint struct': () => unpackStruct,
};

const name = (text: string): string =>
  `d4650092${Buffer.from([0xa0 + text.length]).toString('hex')}${Buffer.from(text).toString('hex')}a178`;
const long = Buffer.from(`d9c8${'78'.repeat(200)}`, 'hex');

/** What no end of busbar or net-ipc writes. */
const strange: Record<string, string> = {
  'a reference that is defined': 'd6690000000190',
  'a reference': 'd67000000001',
  'strings in a bundle': 'd66280000000c1',
  'a type of nobody': 'd40500',
  'a longer type of nobody': 'c7030500000000',
  'the byte that is never used': 'c1',
  'a record of two bytes': 'd572400091a16101',
  'a set of no list': 'd47300a161',
  'marks without end': 'd47300d47300d4730090',
  'an array of no kind': 'c70274ff00',
};
for (const inherited of ['valueOf', '__proto__', 'toString', 'constructor', 'hasOwnProperty', 'isPrototypeOf']) {
  strange[`an error named ${inherited}`] = name(inherited);
}

describe('bodies', () => {
  for (const [who, reader] of Object.entries(readers)) {
    for (const [what, hex] of Object.entries(strange)) {
      // A page makes no use of the name but to keep it.
      if (who === 'a page' && what.startsWith('an error named')) continue;
      for (const [where, body] of [
        ['alone', bytesOf(hex)],
        ['in a list', bytesOf('92c0', hex)],
        ['behind a long text', bytesOf('92', long, hex)],
        ['in a large body', bytesOf('92c600002000', Buffer.alloc(0x2000), hex)],
      ] as const) {
        it(`${who}: ${what}, ${where} - is ERR_PROTOCOL`, () => {
          expect(() => reader()(body))
            .to.throw()
            .with.property('code', 'ERR_PROTOCOL');
        });
      }
    }

    it(`${who}: a record - is read where records were agreed on, else it is ERR_PROTOCOL`, () => {
      for (const body of [bytesOf('d4724091a16b05'), bytesOf('91d4724091a16b05'), bytesOf('81a178d4724091a16b05')]) {
        if (who === 'native with records') expect(JSON.stringify(reader()(body))).to.contain('{"k":5}');
        else
          expect(() => reader()(body))
            .to.throw()
            .with.property('code', 'ERR_PROTOCOL');
      }
    });
  }

  const values: [string, unknown][] = [
    ['a date', new Date(5)],
    ['an old date', new Date(-1e12)],
    ['a date that is none', new Date(Number.NaN)],
    ['a set in a set', new Set([new Set([1])])],
    ['an expression', /a+/gi],
    ['floats', { a: new Float32Array(2), b: new BigInt64Array(1) }],
    ['bytes', { bytes: Buffer.alloc(300), view: new DataView(new ArrayBuffer(3)), buffer: new ArrayBuffer(2) }],
    ['large integers', [2n ** 70n, -(2n ** 700n), 2n ** 63n]],
    [
      'errors',
      [new TypeError('x'), Object.assign(new Error('y', { cause: new RangeError('z') }), { name: 'MyError' })],
    ],
    ['undefined', [undefined, { u: undefined }]],
    ['texts like extensions', ['\u00c1\u00d4\u0500\u07ff', 'x'.repeat(300)]],
    ['integers like records', Array.from({ length: 256 }, (_, n) => n)],
  ];
  for (const records of [false, true]) {
    for (const [what, value] of values) {
      it(`what is written, ${what}, ${records ? 'with' : 'without'} records - is read, small and large`, () => {
        const packer = new BodyPacker(records ? totals() : undefined);
        const reader = new BodyReader(records ? totals() : undefined);
        for (const data of [value, [value, { value, other: value }, value], [value, 'x'.repeat(5_000)]]) {
          const { buffer, start, end } = packer.pack(data, Buffer.alloc(8_192), 0, 16, 64);
          expect(reader.read(buffer, start, end, 64)).to.deep.equal(data);
        }
      });
    }
  }

  for (const [who, make] of Object.entries({
    native: () => new BodyReader(),
    'native with records': () => new BodyReader(totals()),
  })) {
    it(`${who}: binary data in other data - is a Buffer, in whatever its frame came`, () => {
      for (const bytes of [3, 300, 70_000]) {
        // With the key, another reader has a look at it.
        for (const data of [{ bytes: Buffer.alloc(bytes) }, JSON.parse('{"__proto__":1,"bytes":0}') as object]) {
          const value = { ...data, bytes: Buffer.alloc(bytes, 7) };
          const { buffer, start, end } = new BodyPacker().pack(value, Buffer.alloc(8_192), 0, 16);
          for (const source of [
            Buffer.from(buffer.subarray(start, end)),
            new Uint8Array(buffer.subarray(start, end)),
          ]) {
            const read = make().read(source, 0, source.length) as typeof value;
            expect(read.bytes, `${bytes}`).to.be.instanceOf(Buffer);
            expect(read.bytes.equals(value.bytes)).to.equal(true);
          }
        }
      }
    });
  }

  for (const [who, reader] of Object.entries(readers)) {
    it(`${who}: an AggregateError - keeps its name, message and cause, and is no list of letters`, () => {
      const error = new AggregateError([new Error('one')], 'all failed', { cause: 5 });
      const { buffer, start, end } = new BodyPacker().pack({ error }, Buffer.alloc(8_192), 0, 16);
      const read = (reader()(buffer.subarray(start, end)) as { error: Error }).error;
      expect(read).to.be.instanceOf(Error);
      expect(read).to.include({ name: 'AggregateError', message: 'all failed', cause: 5 });
      expect(read).not.to.have.property('errors');
    });
  }

  it('an error whose name an object is born with - is ERR_UNENCODABLE where it is written', () => {
    const error = Object.assign(new Error('x'), { name: 'valueOf' });
    expect(() => new BodyPacker().pack({ error }, Buffer.alloc(8_192), 0, 16))
      .to.throw()
      .with.property('code', 'ERR_UNENCODABLE');
  });
});

describe('shapes', () => {
  const list = (depth: number): object | null =>
    depth === 0 ? null : { value: 'v'.repeat(100), next: list(depth - 1) };

  for (const records of [false, true]) {
    it(`${records ? 'records' : 'maps'} - are as deep for whoever writes as for whoever reads, and no deeper than they may`, () => {
      const make = (): BodyPacker => new BodyPacker(records ? totals() : undefined);
      const packer = make();
      const reader = new BodyReader(records ? totals() : undefined);
      for (const depth of [60, 64]) {
        const { buffer, start, end } = packer.pack(list(depth), Buffer.alloc(16_384), 0, 16, 64);
        expect(reader.read(buffer, start, end, 64)).to.deep.equal(list(depth));
      }
      for (const depth of [65, 100, 1_000]) {
        expect(() => packer.pack(list(depth), Buffer.alloc(16_384), 0, 16, 64))
          .to.throw()
          .with.property('code', 'ERR_UNENCODABLE');
        const { buffer, start, end } = make().pack(list(depth), Buffer.alloc(16_384), 0, 16, 10_000);
        const body = Buffer.from(buffer.subarray(start, end));
        expect(() => new BodyReader(records ? totals() : undefined).read(body, 0, body.length, 64))
          .to.throw()
          .with.property('code', 'ERR_PROTOCOL');
      }
      const { buffer, start, end } = packer.pack(list(3), Buffer.alloc(16_384), 0, 16, 64);
      expect(reader.read(buffer, start, end, 64)).to.deep.equal(list(3));
    });
  }

  it('more keys than a session may define - travel as maps, and what follows is read', () => {
    const packer = new BodyPacker(totals());
    const reader = new BodyReader(totals());
    const large = Object.fromEntries(Array.from({ length: 80_000 }, (_, n) => [`key${n}`, n]));
    for (const data of [{ a: 1 }, large, { a: 2 }, { b: large }, { a: 3, b: 4 }]) {
      const { buffer, start, end, records } = packer.pack(data, Buffer.alloc(8_192), 0, 16, 64);
      expect(records).to.equal(Object.keys(data).length < 3 && !('b' in data && data.b === large));
      expect((records ? reader : new BodyReader()).read(buffer, start, end, 64)).to.deep.equal(data);
    }
  });

  it('more keys than a session may define, from one who does not mind - are ERR_PROTOCOL, over all lanes together', () => {
    const session = totals();
    const lanes = [new BodyReader(session), new BodyReader(session)];
    const define = (lane: number, id: number): unknown => {
      const keys = Array.from({ length: 10_000 }, (_, key) => bytesOf('a6', Buffer.from(`${100_000 + key}`)));
      const body = bytesOf('d472', Buffer.from([0x40 + id]), 'dd00002710', ...keys, Buffer.alloc(10_000));
      return lanes[lane]?.read(body, 0, body.length, 64);
    };
    for (let id = 0; id < 3; id++) for (const lane of [0, 1]) define(lane, id);
    // In place of the last, it takes no more.
    for (let again = 0; again < 10; again++) define(0, 2);
    expect(() => define(1, 3))
      .to.throw()
      .with.property('code', 'ERR_PROTOCOL');
  });

  it('many definitions - are read, and make little code', () => {
    const reader = new BodyReader(totals());
    const count = 55_000;
    const head = bytesOf('dd00000000');
    head.writeUInt32BE(count * 5, 1);
    const key = (n: number): string => n.toString(36).padStart(4, 'k');
    const shapes = Array.from({ length: count }, (_, n) =>
      bytesOf('d4724091a4', Buffer.from(key(n)), '004000400040004000'),
    );
    const body = Buffer.concat([head, ...shapes]);
    const from = process.cpuUsage();
    const read = reader.read(body, 0, body.length, 64) as object[];
    const { user, system } = process.cpuUsage(from);
    expect(read).to.have.length(count * 5);
    expect(Object.keys(read[count * 5 - 1] ?? {})).to.deep.equal([key(count - 1)]);
    // Code for each takes over ten seconds.
    expect((user + system) / 1_000, 'ms').to.be.below(3_000);
    // What is defined then is read as ever.
    const next = bytesOf('93d4724192a161a16201024103044105', '06');
    expect(reader.read(next, 0, next.length, 64)).to.deep.equal([
      { a: 1, b: 2 },
      { a: 3, b: 4 },
      { a: 5, b: 6 },
    ]);
  });
});
