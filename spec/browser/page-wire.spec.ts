import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { BusError } from '../../lib/base/errors.ts';
import { ClientHandshake as PageOpening } from '../../lib/browser/client-handshake.ts';
import { NativeDecoder as PageDecoder } from '../../lib/browser/decoder.ts';
import { NativeEncoder as PageEncoder } from '../../lib/browser/encoder.ts';
import { Slab as PageSlab } from '../../lib/browser/slab.ts';
import * as page from '../../lib/browser/body-codec.ts';
import * as node from '../../lib/wire/native/body-codec.ts';
import type { Asker, Decoder, Encoder } from '../../lib/wire/dialect.ts';
import type { Frame } from '../../lib/wire/frames.ts';
import type { ServerHello } from '../../lib/wire/handshake/hello.ts';
import { NativeDecoder } from '../../lib/wire/native/decoder.ts';
import { NativeEncoder } from '../../lib/wire/native/encoder.ts';
import { chunkBytes } from '../../lib/wire/native/header.ts';
import { ClientHandshake } from '../../lib/wire/handshake/client-handshake.ts';
import { acceptHello, refusal } from '../../lib/wire/handshake/refusal.ts';
import { Slab } from '../../lib/base/slab.ts';

const limits = { records: false, maxFrameBytes: 1_048_576, maxDepth: 64 };
const large = Uint8Array.from({ length: 2 * chunkBytes + 1_000 }, (_, at) => at * 7);
const asker: Asker = { left: (id) => (id === 5 ? -1 : 40) };

function encoders(
  given: { readonly maxFrameBytes?: number } = {},
): { readonly encoder: Encoder; readonly slab: Pick<Slab, 'pendingBytes' | 'take'> }[] {
  const options = { ...limits, ...given, withdraws: true };
  const slab = new Slab();
  const pageSlab = new PageSlab();
  return [
    { slab, encoder: new NativeEncoder({ ...options, slab }) },
    { slab: pageSlab, encoder: new PageEncoder({ ...options, slab: pageSlab }) },
  ];
}

const codeOf = (error: unknown): unknown => (error instanceof BusError ? error.code : error);

/** Each frame, and what was thrown; the members that are undefined left out. */
function framesOf(decoder: Decoder, bytes: Uint8Array, step: number): unknown[] {
  const found: unknown[] = [];
  try {
    for (let at = 0; at < bytes.length; at += step) {
      decoder.feed(bytes.slice(at, at + step), (frame) => found.push(plain(frame)));
    }
  } catch (error) {
    found.push(codeOf(error));
  }
  return found;
}

/** What of a frame its type has. */
function plain(frame: Frame): unknown {
  const { type, size } = frame;
  const members: Record<string, readonly string[]> = {
    message: ['lane', 'data', 'confirm', 'id'],
    request: ['lane', 'id', 'data', 'timeoutMs'],
    response: ['lane', 'id', 'data'],
    failure: ['lane', 'id', 'error'],
    cancel: ['lane', 'id'],
    ping: ['id', 'data'],
    pong: ['id', 'data'],
    end: ['reason', 'allowReconnect', 'code'],
    open: ['lane', 'name'],
    part: ['lane'],
    ack: ['received'],
  };
  const entries = (members[type] ?? []).map((name) => [name, Reflect.get(frame, name)]);
  // An id of 0 is none.
  return [type, size, ...entries.map(([name, value]) => [name, name === 'id' ? value || undefined : value])];
}

type Call = (encoder: Encoder) => unknown;

const calls: Readonly<Record<string, Call>> = {
  message: (encoder) => encoder.message(0, { a: [1, 'two', null, true, -3.5] }, false),
  'message without a body': (encoder) => encoder.message(3, undefined, false),
  'confirmed message': (encoder) => encoder.message(0, 'x', true),
  'message to be answered': (encoder) => encoder.message(0, new Set([1n]), true, 9),
  request: (encoder) => encoder.request(2, 7, { long: 'x'.repeat(5_000) }, undefined),
  'request with a deadline': (encoder) => encoder.request(0, 8, [1], 1_500),
  'request for nothing': (encoder) => encoder.request(0, 8, undefined, 0),
  response: (encoder) => encoder.response(2, 0xffff_ffff, 'y'),
  failure: (encoder) => encoder.failure(0, 4, { code: 'E', message: 'm', details: { a: 1 } }),
  cancel: (encoder) => encoder.cancel(1, 3),
  ping: (encoder) => encoder.ping(1, 'p'),
  pong: (encoder) => encoder.pong(1, 'p'),
  end: (encoder) => encoder.end('bye', true, 'ERR_X'),
  'end without a reason': (encoder) => encoder.end(undefined, false, undefined),
  open: (encoder) => encoder.open(2, 'lane'),
  ack: (encoder) => encoder.ack(2 ** 32 + 5),
  heartbeat: (encoder) => encoder.heartbeat(),
  'heartbeat reply': (encoder) => encoder.heartbeatReply(),
  pause: (encoder) => encoder.pause(),
  resume: (encoder) => encoder.resume(),
  'going away': (encoder) => encoder.goingAway(),
  'small bytes': (encoder) => encoder.request(0, 1, new Uint8Array([1, 2]), 3),
  'other bytes': (encoder) => encoder.message(0, new Float64Array([1, 2]).buffer, false),
  'many bytes': (encoder) => encoder.message(0, new Int16Array(10_000), false),
};

describe('wire of pages', () => {
  for (const [name, call] of Object.entries(calls)) {
    it(`${name} - is the frame of the encoder of Node, and read as by its decoder however it is split`, () => {
      const [original, page] = encoders().map(({ encoder, slab }) => {
        const said = call(encoder);
        expect(said).to.equal(slab.pendingBytes);
        return Buffer.concat(slab.take());
      }) as [Buffer, Buffer];
      expect(page).to.deep.equal(original);
      const expected = framesOf(new NativeDecoder(limits), original, original.length);
      for (const step of [1, 3, 12, 13, original.length]) {
        expect(framesOf(new PageDecoder(limits), original, step), `${step} at a time`).to.deep.equal(expected);
        expect(framesOf(new NativeDecoder(limits), page, step), `${step} at a time`).to.deep.equal(expected);
      }
    });
  }

  it('large bodies - are cut into the same frames, the lanes in turn, and whole again at the other end', () => {
    const [original, page] = encoders().map(({ encoder, slab }) => {
      const told: unknown[] = [
        encoder.open(1, 'one'),
        encoder.request(0, 5, large, 900),
        encoder.request(1, 6, large, 900),
        encoder.message(0, 'behind', false),
        encoder.message(1, undefined, false),
        encoder.queue?.bytes,
        encoder.queue?.bytesOf(1),
        encoder.queue?.bytesOf(2),
      ];
      for (
        let chunk = encoder.queue?.writeChunk(asker);
        chunk !== undefined;
        chunk = encoder.queue?.writeChunk(asker)
      ) {
        told.push(chunk, encoder.queue?.bytes);
      }
      return { told, bytes: Buffer.concat(slab.take()) };
    }) as [{ told: unknown[]; bytes: Buffer }, { told: unknown[]; bytes: Buffer }];
    expect(page.told).to.deep.equal(original.told);
    expect(page.bytes.equals(original.bytes)).to.equal(true);
    const expected = framesOf(new NativeDecoder(limits), original.bytes, original.bytes.length);
    expect(expected.length).to.be.greaterThan(8);
    for (const step of [997, 65_536, original.bytes.length]) {
      expect(framesOf(new PageDecoder(limits), page.bytes, step)).to.deep.equal(expected);
    }
  });

  it('a frame that a broken link cut - comes again whole, and what was whole of a body stays', () => {
    const [, { encoder, slab }] = encoders() as [unknown, { encoder: Encoder; slab: Slab }];
    encoder.message(0, large, false);
    const frames: Buffer[] = [];
    while (encoder.queue?.writeChunk() !== undefined) frames.push(Buffer.concat(slab.take()));
    const [first = Buffer.alloc(0), ...others] = frames;
    for (const arrived of [0, 3, 11, 12, 13, 30_000]) {
      const decoder = new PageDecoder(limits);
      const found: Frame[] = [];
      const sink = (frame: Frame): unknown => found.push(frame);
      decoder.feed(first, sink);
      decoder.feed(others[0]?.subarray(0, arrived) ?? first, sink);
      decoder.restart();
      for (const frame of others) decoder.feed(frame, sink);
      expect(found.map(({ type }) => type)).to.deep.equal(['part', 'part', 'message']);
      expect(found.at(-1)).to.have.deep.property('data', large);
    }
  });

  it('limits - what is too large is refused by the same code, at both ends', () => {
    for (const { encoder, slab } of encoders({ maxFrameBytes: 200 })) {
      for (const data of [{ long: 'x'.repeat(200) }, Buffer.alloc(200), { more: 'y'.repeat(99_999) }]) {
        expect(() => encoder.message(0, data, false))
          .to.throw()
          .with.property('code', 'ERR_TOO_LARGE');
      }
      expect(() => encoder.message(0, Symbol('s'), false))
        .to.throw()
        .with.property('code', 'ERR_UNENCODABLE');
      expect(slab.pendingBytes).to.equal(0);
    }
    const [{ encoder, slab }] = encoders() as [{ encoder: Encoder; slab: Slab }];
    encoder.message(0, large, false);
    while (encoder.queue?.writeChunk() !== undefined);
    const bytes = Buffer.concat(slab.take());
    for (const Class of [NativeDecoder, PageDecoder]) {
      const decoder = new Class({ ...limits, maxFrameBytes: large.length - 1 });
      expect(framesOf(decoder, bytes, bytes.length).at(-1)).to.equal('ERR_TOO_LARGE');
    }
  });

  it('fuzz - bytes that are wrong somewhere are read, or refused by a code, as in Node', () => {
    const [{ encoder, slab }] = encoders() as [{ encoder: Encoder; slab: Slab }];
    for (const call of Object.values(calls)) call(encoder);
    encoder.message(2, large, false);
    while (encoder.queue?.writeChunk() !== undefined);
    const bytes = Buffer.concat(slab.take());
    const where = fc.oneof(fc.nat(bytes.length - 1), fc.nat(400));
    fc.assert(
      fc.property(where, fc.nat(255), fc.constantFrom(997, 4_000, bytes.length), (at, value, step) => {
        const wrong = Uint8Array.from(bytes);
        wrong[at] = value;
        const [original, page] = [NativeDecoder, PageDecoder].map((Class) =>
          framesOf(new Class(limits), wrong, step),
        ) as [unknown[], unknown[]];
        const isRefused = typeof original.at(-1) === 'string';
        expect(typeof page.at(-1) === 'string').to.equal(isRefused);
        if (!isRefused) expect(page).to.deep.equal(original);
      }),
      { numRuns: 60 },
    );
  });

  it('opening - says hello, and takes the answer of a server, as in Node', () => {
    const offer = { versions: [1], features: ['handled'], maxFrameBytes: 5_000 };
    const proto: unknown = JSON.parse('{"__proto__":{"x":1},"list":[{"__proto__":2}],"text":"__proto__"}');
    for (const extras of [undefined, { a: 'é' }, 'x'.repeat(200), 'x'.repeat(20_000), proto]) {
      const hello = { compress: false, messagepack: false, extras, id: null, busbar: offer };
      expect(new PageOpening({ hello }).start()).to.deep.equal(new Uint8Array(new ClientHandshake({ hello }).start()));
    }
    const unfit = {
      compress: false,
      messagepack: false,
      extras: [{ a: new SharedArrayBuffer(1) }],
      id: null,
      busbar: offer,
    };
    for (const Class of [ClientHandshake, PageOpening]) {
      expect(() => new Class({ hello: unfit }).start()).to.throw(/SharedArrayBuffer cannot travel/);
    }
    const busbar = { version: 1, features: ['handled'], maxFrameBytes: 5_000, token: 't', outcome: 'fresh' } as const;
    const answer: ServerHello = {
      id: 'made',
      compress: false,
      messagepack: false,
      busbar: { ...busbar, received: 0, graceMs: 1 },
    };
    const answers = [
      acceptHello(answer),
      refusal('ERR_UNAUTHORIZED', 'no', false, {
        id: null,
        compress: false,
        messagepack: false,
        extras: 1,
        busbar: offer,
      }),
      refusal('ERR_SERVER_FULL', 'later', true),
      acceptHello({ ...answer, busbar: { ...busbar, received: -1, graceMs: 1 } }),
      acceptHello({ ...answer, id: undefined as never }),
      acceptHello({ ...answer, id: 'x'.repeat(70_000) }),
      Buffer.from('8'.repeat(9)),
      Buffer.from([0x84, ...Buffer.from('null')]),
      Buffer.from([0x84, ...Buffer.from('nul,')]),
      Buffer.from([0x87, ...Buffer.from('{"t":5}')]),
    ];
    for (const [at, bytes] of answers.entries()) {
      for (const step of [1, 7, bytes.length + 3]) {
        const [original, page] = [ClientHandshake, PageOpening].map((Class) => {
          const opening = new Class({
            hello: { compress: false, messagepack: false, extras: 1, id: null, busbar: offer },
          });
          const whole = Buffer.concat([bytes, Buffer.from('end')]);
          try {
            for (let from = 0; from < whole.length; from += step) {
              const found = opening.feed(whole.subarray(from, from + step));
              if (found !== undefined) return { ...found, ...('rest' in found && { rest: [...found.rest] }) };
            }
            return undefined;
          } catch (error) {
            // Whoever feeds it takes all but a BusError for an ERR_PROTOCOL.
            return error instanceof BusError ? error.code : 'ERR_PROTOCOL';
          }
        });
        expect(original, `${at}`).to.not.equal(undefined);
        if (original !== undefined && typeof original !== 'string' && 'hello' in original) {
          expect(page).to.have.nested.property('hello.id', 'made');
        }
        expect(page, `answer ${at}, ${step} at a time`).to.deep.equal(original);
      }
    }
    const old = new PageOpening({ hello: { compress: false, messagepack: false, extras: 1, id: null, busbar: offer } });
    expect(() => old.feed(acceptHello({ id: 'x', compress: false, messagepack: false })))
      .to.throw()
      .with.property('code', 'ERR_INCOMPATIBLE');
  });

  it('packer - leaves what it packed as it is when it packs the next one', () => {
    const packer = new page.BodyPacker();
    const { buffer, start, end } = packer.pack({ a: 1 }, new Uint8Array(0), 0, 12);
    const before = buffer.slice(start, end);
    packer.pack({ b: 'other' }, new Uint8Array(0), 0, 12);
    expect(buffer.slice(start, end)).to.deep.equal(before);
  });

  for (const [name, wrap] of Object.entries<(inner: unknown) => unknown>({
    lists: (inner) => [inner],
    objects: (inner) => ({ inner, other: 1 }),
    both: (inner) => [{ inner }, new Date(0)],
    sets: (inner) => [new Set([inner])],
  })) {
    it(`depth - ${name} may nest as deep as in Node, if the body is not small`, () => {
      const nested = (levels: number, inner: unknown): unknown =>
        Array.from({ length: levels }).reduce<unknown>((value) => wrap(value), inner);
      const room = Buffer.alloc(100_000);
      for (const inner of ['x', [], new Date(5), 'x'.repeat(5_000), new Uint8Array(5_000)]) {
        for (let levels = 0; levels < 12; levels++) {
          const data = nested(levels, inner);
          const outcomes = [node, page].map((codec) => {
            const { buffer, start, end } = new codec.BodyPacker().pack(data, room, 0, 12);
            const packed = buffer.slice(start, end);
            return [
              outcome(() => new codec.BodyPacker().pack(data, room, 0, 12, 8)),
              outcome(() => new codec.BodyReader().read(packed, 0, packed.length, 8)),
            ];
          });
          expect(outcomes[1], `${levels} levels`).to.deep.equal(outcomes[0]);
        }
      }
      const deep = new page.BodyPacker();
      expect(outcome(() => deep.pack(nested(20, 'x'.repeat(5_000)), room, 0, 12, 8))).to.equal('ERR_UNENCODABLE');
      expect(outcome(() => deep.pack('x'.repeat(5_000), room, 0, 12, 0))).to.equal('none');
    });
  }
});

function outcome(task: () => unknown): unknown {
  try {
    task();
  } catch (error) {
    return codeOf(error);
  }
  return 'none';
}
