import { expect } from 'chai';
import { describe, it } from 'mocha';
import { type Decoder, framesAtOnce } from '../../lib/wire/dialect.ts';
import type { Frame } from '../../lib/wire/frames.ts';
import { FrameType } from '../../lib/wire/native/header.ts';
import { NativeDecoder } from '../../lib/wire/native/decoder.ts';
import { NetIpcDecoder } from '../../lib/wire/net-ipc/net-ipc-decoder.ts';
import { frame, packet } from '../support/stranger.ts';

const dialects: readonly (readonly [name: string, make: () => Decoder, one: (id: number) => Buffer])[] = [
  [
    'native',
    () => new NativeDecoder({ records: false, maxFrameBytes: 1_000_000, maxDepth: 64 }),
    (id) => frame(FrameType.request, 0, 0, id),
  ],
  [
    'net-ipc',
    () => new NetIpcDecoder({ messagepack: false, maxFrameBytes: 1_000_000 }),
    (id) => packet({ t: 2, n: `${id}`, d: null }),
  ],
];

describe('small frames in one go', () => {
  for (const [name, make, one] of dialects) {
    it(`${name} - no more than so many are read, and the rest afterwards, also with a part of one at either end`, () => {
      const count = framesAtOnce * 2 + 100;
      const all = Buffer.concat(Array.from({ length: count }, (_, id) => one(id + 1)));
      for (const cut of [0, 5]) {
        const decoder = make();
        const ids: string[] = [];
        const heard = (each: Frame): unknown => ids.push('id' in each ? `${each.id}` : each.type);
        expect(decoder.feed(all.subarray(0, cut), heard)).to.equal(cut);
        const goes: number[] = [];
        for (let at = cut; at < all.length - 1; ) {
          const before = ids.length;
          at += decoder.feed(all.subarray(at, -1), heard);
          goes.push(ids.length - before);
        }
        expect(Math.max(...goes)).to.be.within(framesAtOnce, framesAtOnce + 1);
        expect(goes.length).to.equal(3);
        decoder.feed(all.subarray(-1), heard);
        expect(ids).to.deep.equal(Array.from({ length: count }, (_, id) => `${id + 1}`));
      }
    });
  }
});
