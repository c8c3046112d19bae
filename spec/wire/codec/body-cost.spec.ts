import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Packr } from 'msgpackr';
import { jsonExceedsCost, leastCost, mostCost } from '../../../lib/wire/codec/body-cost.ts';
import type { Frame } from '../../../lib/wire/frames.ts';
import { NativeDecoder } from '../../../lib/wire/native/decoder.ts';
import { NativeEncoder } from '../../../lib/wire/native/encoder.ts';
import { Encoding, FrameType, headerBytes, writeHeader } from '../../../lib/wire/native/header.ts';
import { checkBody } from '../../../lib/wire/native/msgpack-check.ts';
import { NetIpcDecoder } from '../../../lib/wire/net-ipc/net-ipc-decoder.ts';
import { Slab } from '../../../lib/base/slab.ts';
import { workwatch } from '../../support/stopwatch.ts';
import { packet } from '../../support/stranger.ts';

const limits = { records: true, maxFrameBytes: 16_777_216, maxDepth: 64 };
const chunk = 65_536;

/** A list of `count` times the same bytes of MessagePack. */
function list(count: number, ...unit: number[]): Buffer {
  const body = Buffer.alloc(5 + count * unit.length);
  body[0] = 0xdd;
  body.writeUInt32BE(count, 1);
  body.fill(Buffer.from(unit), 5);
  return body;
}

/** What a list of so many costs each. */
function costOf(unit: readonly number[]): number {
  const body = list(1_000, ...unit);
  return checkBody(body, 0, body.length, 64, undefined, 'ERR_PROTOCOL', Infinity).cost / 1_000;
}

/** `body` as a message of several frames. */
function cut(body: Buffer): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < body.length; at += chunk) {
    const part = body.subarray(at, at + chunk);
    const head = Buffer.alloc(headerBytes);
    const more = at + chunk < body.length ? 4 : 0;
    writeHeader(head, 0, part.length, FrameType.message, Encoding.plain | more, 0, 0);
    frames.push(head, part);
  }
  return Buffer.concat(frames);
}

interface Feedable {
  feed(bytes: Uint8Array, sink: (frame: Frame) => unknown): number;
}

/** The bound of `heldMs`: 100 ms where the limits were chosen, half as much again on slower machines. */
const mostMs = 150;

/**
 * The most that one read of `bytes` takes, in ms: of the first go that is under the bound, or the least of all, since other
 * work on the machine makes each of them longer.
 */
function heldMs(make: () => Feedable, bytes: Uint8Array): number {
  let least = Infinity;
  for (let go = 0; go < 20 && least >= mostMs; go++) {
    const decoder = make();
    let longest = 0;
    for (let at = 0; at < bytes.length; at += chunk) {
      const elapsedMs = workwatch();
      decoder.feed(bytes.subarray(at, at + chunk), () => {});
      longest = Math.max(longest, elapsedMs());
    }
    least = Math.min(least, longest);
  }
  return least;
}

const native = (): NativeDecoder => new NativeDecoder(limits);
const netIpc = (): NetIpcDecoder => new NetIpcDecoder({ ...limits, messagepack: false });

const units: Readonly<Record<string, readonly number[]>> = {
  numbers: [1],
  'empty lists': [0x90],
  'empty maps': [0x80],
  'maps of a key': [0x81, 0xa1, 0x61, 1],
  'texts of a letter': [0xa1, 0x61],
  'texts of two': [0xa2, 0x61, 0x62],
  'short texts': [0xab, ...Buffer.from('eleven here')],
  'texts that are not ASCII': [0xa8, ...Buffer.from('éàüß')],
  'longer texts': [0xaf, ...Buffer.from('fifteen letters')],
  'texts of thirty bytes': [0xbe, ...Buffer.from('a text that is of thirty bytes')],
  'floating point numbers': [0xcb, 0x3f, 0xf1, 2, 3, 4, 5, 6, 7],
  'those of 32 bits': [0xca, 0x3f, 0xf1, 2, 3],
  'integers of 32 bits': [0xce, 0xff, 1, 2, 3],
  'maps of a longer key': [0x81, 0xa8, ...Buffer.from('the keys'), 1],
  'large integers': [0xd3, 0, 0, 0, 1, 0, 0, 0, 1],
  'binary data': [0xc4, 0],
  dates: [0xd6, 0xff, 0, 0, 0, 1],
  errors: [0xd4, 0x65, 0, 0x92, 0xa5, ...Buffer.from('Error'), 0xa0],
  sets: [0xd4, 0x73, 0, 0x91, 1],
};

describe('what a body costs to read', () => {
  for (const [name, unit] of Object.entries(units)) {
    it(`a list of ${name} that costs what it may - is read in less than 100 ms; a longer one is ERR_TOO_LARGE`, () => {
      const count = Math.floor((leastCost - 10) / costOf(unit));
      expect(heldMs(native, cut(list(count, ...unit)))).to.be.below(mostMs);
      expect(() => heldMs(native, cut(list(Math.ceil(count * 1.02), ...unit))))
        .to.throw()
        .with.property('code', 'ERR_TOO_LARGE');
    });
  }

  it('keys of large maps - cost more', () => {
    const packr = new Packr({ useRecords: false, variableMapSize: true });
    const map = (keys: number): Buffer =>
      packr.pack(Object.fromEntries(Array.from({ length: keys }, (_, key) => [`k${key}`, 1])));
    expect(heldMs(native, cut(map(85_000)))).to.be.below(mostMs);
    expect(() => heldMs(native, cut(map(100_000))))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
  });

  for (const [name, unit, count] of [
    ['numbers', '1,', 1_200_000],
    ['lists', '[],', 240_000],
    ['maps', '{"a":1},', 195_000],
    ['escapes', String.raw`"\n",`, 273_000],
    ['short texts', '"12345678",', 360_000],
    ['longer texts', '"fifteen letters",', 296_000],
    ['texts that are not ASCII', '"éà",', 360_000],
    ['floating point numbers', '1.2345678,', 682_000],
    ['maps of a longer key', '{"the keys":1},', 195_000],
  ] as const) {
    it(`JSON ${name} - are bounded likewise, in one piece and in several`, () => {
      const text = (length: number): Buffer => packet(Buffer.from(`{"t":1,"d":[${unit.repeat(length)}1]}`));
      expect(heldMs(netIpc, text(count))).to.be.below(mostMs);
      const over = text(count * 1.4);
      for (const step of [chunk, over.length]) {
        const decoder = netIpc();
        const feed = (): void => {
          for (let at = 0; at < over.length; at += step) decoder.feed(over.subarray(at, at + step), () => {});
        };
        expect(feed).to.throw().with.property('code', 'ERR_TOO_LARGE');
      }
    });
  }

  it('JSON - is looked through as what it is: quotes, escapes and pieces', () => {
    const exceeds = (text: string, most: number): boolean => {
      const bytes = Buffer.from(text.padEnd(most, ' '));
      const at = Math.floor(text.length / 2);
      const whole = jsonExceedsCost([bytes], most);
      expect(jsonExceedsCost([bytes.subarray(0, at), bytes.subarray(at)], most)).to.equal(whole);
      return whole;
    };
    expect(exceeds(`["${'[,:'.repeat(1_000)}"]`, 500)).to.equal(false);
    expect(exceeds(String.raw`["\"${'[,:'.repeat(1_000)}"]`, 500)).to.equal(false);
    expect(exceeds(`[${'[],'.repeat(1_000)}1]`, 500)).to.equal(true);
  });

  it('a body that mentions __proto__, which is read with care - may cost an eighth', () => {
    const some = list(225_001, 1).subarray(0, -1);
    const body = Buffer.concat([some, Buffer.from([0xa9]), Buffer.from('__proto__')]);
    expect(() => native().feed(cut(body), () => {}))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
    const text = packet(Buffer.from(`{"t":1,"d":["__proto__",${'1,'.repeat(450_000)}1]}`));
    expect(() => netIpc().feed(text, () => {}))
      .to.throw()
      .with.property('code', 'ERR_TOO_LARGE');
  });

  it('whoever sends - is told, and goes on; what peers take that take larger messages may cost more', () => {
    const data = Array.from({ length: 1_700_000 }, () => 1);
    const slab = new Slab();
    const encoder = new NativeEncoder({ slab, ...limits });
    const frame = { data };
    for (const send of [() => encoder.message(0, data, false), () => encoder.encoded(0, frame)]) {
      expect(send).to.throw().with.property('code', 'ERR_TOO_LARGE');
    }
    encoder.message(0, { small: true }, false);
    const found: Frame[] = [];
    native().feed(Buffer.concat(slab.take()), (one) => found.push(one));
    expect(found.map((one) => one.type === 'message' && one.data)).to.deep.equal([{ small: true }]);
    expect(mostCost(limits.maxFrameBytes * 2)).to.equal(2 * leastCost);
    const larger = new NativeEncoder({ slab, ...limits, maxFrameBytes: limits.maxFrameBytes * 2 });
    expect(() => larger.message(0, data, false)).to.not.throw();
  });
});
