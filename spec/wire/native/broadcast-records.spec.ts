import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Slab } from '../../../lib/base/slab.ts';
import type { EncodedMessage } from '../../../lib/wire/dialect.ts';
import { BroadcastRecords } from '../../../lib/wire/native/broadcast-records.ts';
import { NativeDecoder } from '../../../lib/wire/native/decoder.ts';
import { NativeEncoder } from '../../../lib/wire/native/encoder.ts';
import { Encoding, encodingMask } from '../../../lib/wire/native/header.ts';
import { SeededRandom } from '../../../lib/testing/seeded-random.ts';

const maxFrameBytes = 1_048_576;
const maxDepth = 64;

/** What one peer gets. */
class Peer {
  readonly heard: unknown[] = [];
  readonly bytes: Buffer[] = [];
  readonly #slab = new Slab();
  readonly #encoder: NativeEncoder;
  readonly #decoder: NativeDecoder;

  constructor(shared: BroadcastRecords, maxBytes = maxFrameBytes) {
    this.#encoder = new NativeEncoder({
      slab: this.#slab,
      records: true,
      maxFrameBytes: maxBytes,
      maxDepth,
      shared,
    });
    this.#decoder = new NativeDecoder({ records: true, shared: true, maxFrameBytes: maxBytes, maxDepth });
  }

  gets(message: EncodedMessage): void {
    this.#encoder.encoded(0, message);
    while (this.#encoder.queue.writeChunk() !== undefined);
    this.#read();
  }

  getsAlone(data: unknown): void {
    this.#encoder.message(0, data, false);
    this.#read();
  }

  /** How the bodies were written. */
  get encodings(): number[] {
    return this.bytes.map((frame) => (frame[5] as number) & encodingMask);
  }

  #read(): void {
    const bytes = Buffer.concat(this.#slab.take());
    this.bytes.push(bytes);
    // As from a buffer that is read into again.
    const poisoned = Uint8Array.from(bytes);
    this.#decoder.feed(poisoned, (frame) => {
      if (frame.type === 'message') this.heard.push(frame.data);
    });
    poisoned.fill(0xff);
  }
}

const { plain, shared, taught, records } = Encoding;

describe('broadcasts by the records of the server', () => {
  it('are read by each peer, in whatever order and selection they get them, also of more shapes than there are numbers', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new SeededRandom(seed);
      const space = new BroadcastRecords();
      const peers = Array.from({ length: 5 }, () => new Peer(space));
      const expected: unknown[][] = peers.map(() => []);
      const shapes = random.pick([3, 20, 70, 150]);
      const late: { message: EncodedMessage; to: number }[] = [];
      const give = (message: EncodedMessage, to: number): void => {
        peers[to]?.gets(message);
        expected[to]?.push(message.data);
      };
      const value = (depth: number): unknown => {
        if (depth === 0 || random.chance(0.3)) return random.pick([1, 77, 'text', null, [64, 127], {}, 2.5]);
        const shape = random.between(0, shapes);
        const object: Record<string, unknown> = {};
        for (let key = 0; key <= shape % 4; key++) object[`k${shape}.${key}`] = value(depth - 1);
        return object;
      };
      for (let n = 0; n < 150; n++) {
        const message: EncodedMessage = { data: value(3) };
        for (const to of peers.keys()) {
          if (random.chance(0.2)) continue;
          // A connection that is written to later.
          if (random.chance(0.05)) late.push({ message, to });
          else give(message, to);
        }
        const data = { own: n };
        peers[0]?.getsAlone(data);
        expected[0]?.push(data);
        if (random.chance(0.1)) for (const { message: held, to } of late.splice(0)) give(held, to);
      }
      for (const [to, peer] of peers.entries()) expect(peer.heard, `seed ${seed}`).to.deep.equal(expected[to]);
    }
  });

  it('name a shape by a byte, and tell a peer that came later what it lacks', () => {
    const space = new BroadcastRecords();
    const [first, second] = [new Peer(space), new Peer(space)] as const;
    const messages = [1, 2, 3].map((secret): EncodedMessage => ({ data: { secret } }));
    first.gets(messages[0]!);
    first.gets(messages[1]!);
    expect(first.encodings).to.deep.equal([shared, shared]);
    expect(first.bytes[1]).to.have.length(14);
    second.gets(messages[1]!);
    second.gets(messages[2]!);
    first.gets(messages[2]!);
    expect(second.encodings).to.deep.equal([taught, shared]);
    expect(second.bytes[1]).to.deep.equal(first.bytes[2]);
    expect(second.heard).to.deep.equal([{ secret: 2 }, { secret: 3 }]);
  });

  it('tell nobody of shapes that he was not sent', () => {
    const space = new BroadcastRecords();
    const [staff, guest] = [new Peer(space), new Peer(space)] as const;
    staff.gets({ data: { password: 1, common: { open: 1 } } });
    const both: EncodedMessage = { data: { open: 2 } };
    for (const peer of [staff, guest]) peer.gets(both);
    expect(guest.heard).to.deep.equal([{ open: 2 }]);
    expect(Buffer.concat(guest.bytes).includes('password')).to.equal(false);
  });

  it('are written without records where those would be worse or could be misread', () => {
    const wide = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`k${n}`, n]));
    const longKey = { ['k'.repeat(40_000)]: 1 };
    const big = { text: 'x'.repeat(100_000) };
    for (const data of [wide, longKey, big, 5, 'text', [1], undefined, Buffer.from('raw'), null]) {
      const space = new BroadcastRecords();
      const peers = [new Peer(space), new Peer(space)];
      const message: EncodedMessage = { data };
      for (const peer of peers) {
        peer.gets(message);
        peer.gets({ data: { a: 1 } });
        expect(peer.heard).to.deep.equal([data, { a: 1 }]);
      }
      if (typeof data === 'object' && data !== null && !Array.isArray(data) && !Buffer.isBuffer(data)) {
        expect(peers[1]?.encodings[0]).to.equal(plain);
      }
    }
    const space = new BroadcastRecords();
    const peer = new Peer(space);
    const data = Array.from({ length: 300 }, (_, n) => ({ [`only ${n}`]: n }));
    for (const one of data) peer.gets({ data: one });
    expect(peer.heard).to.deep.equal(data);
    expect(peer.encodings.filter((encoding) => encoding === shared)).to.have.length.within(10, 30);
  });

  it('take what the peer takes: sizes, and bodies that wait to be cut', () => {
    const space = new BroadcastRecords();
    const small = new Peer(space, 64);
    const large = new Peer(space);
    const data = { a: 'x'.repeat(40) };
    large.gets({ data });
    const again: EncodedMessage = { data };
    small.gets(again);
    large.gets(again);
    expect(small.heard).to.deep.equal([data]);
    expect(() => small.gets({ data: { a: 'x'.repeat(80) } }))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
    small.gets({ data: { a: 'y' } });
    expect(small.heard).to.deep.equal([data, { a: 'y' }]);
  });

  it('are refused where they were not agreed on, and where they are none', () => {
    const frame = (encoding: number, body: string): Buffer => {
      const bytes = Buffer.from(
        `00000000 01 ${encoding.toString(16)} 0000 00000000 ${body}`.replaceAll(' ', ''),
        'hex',
      );
      bytes.writeUInt32BE(bytes.length - 4);
      return bytes;
    };
    const limits = { maxFrameBytes, maxDepth };
    const bodies = ['d4724091a16101', '92dc0001d4724091a161c04001', '', 'c0', '91c0', '93c0c0c0', '92dcffff', '92c0'];
    for (const body of bodies) {
      for (const encoding of [shared, taught]) {
        for (const options of [{ records: false }, { records: true }, { records: true, shared: false }]) {
          const decoder = new NativeDecoder({ ...options, ...limits });
          expect(() => decoder.feed(frame(encoding, body), () => undefined))
            .to.throw()
            .with.property('code', 'ERR_PROTOCOL');
        }
      }
    }
    for (const body of bodies.slice(2)) {
      const decoder = new NativeDecoder({ records: true, shared: true, ...limits });
      expect(() => decoder.feed(frame(taught, body), () => undefined), body)
        .to.throw()
        .with.property('code', 'ERR_PROTOCOL');
    }
    const decoder = new NativeDecoder({ records: true, shared: true, ...limits });
    const heard: unknown[] = [];
    decoder.feed(frame(taught, bodies[1]!), (one) => heard.push((one as { data?: unknown }).data));
    expect(heard).to.deep.equal([{ a: 1 }]);
    // Lanes have records of their own.
    expect(() => decoder.feed(frame(records, '4001'), () => undefined)).to.throw();
  });

  it('are told of as they were, once nobody takes them any more', () => {
    const space = new BroadcastRecords();
    const peer = new Peer(space);
    const message: EncodedMessage = { data: { a: { b: 1 }, c: [{ b: 2 }] } };
    peer.gets({ data: message.data });
    peer.gets(message);
    for (let n = 0; n < 200; n++) peer.gets({ data: { [`other ${n}`]: n } });
    expect(message.records?.data).to.deep.equal(message.data);
  });
});
