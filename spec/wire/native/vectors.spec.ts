import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  any,
  bool,
  bytes,
  enumOf,
  f32,
  f64,
  i16,
  list,
  map,
  optional,
  struct,
  type Struct,
  text,
  u32,
  u64,
} from '../../../lib/struct/index.ts';
import { signature } from '../../../lib/struct/shape.ts';
import { Slab } from '../../../lib/base/slab.ts';
import { OwnContracts, PeerContracts } from '../../../lib/wire/contracts.ts';
import { createDeflater, createInflater } from '../../../lib/wire/fast-zlib.ts';
import type { Frame, MessageFrame } from '../../../lib/wire/frames.ts';
import { BlockReader, BlockWriter } from '../../../lib/wire/compression.ts';
import { BroadcastRecords } from '../../../lib/wire/native/broadcast-records.ts';
import { NativeEncoder } from '../../../lib/wire/native/encoder.ts';
import { asClientHello, asServerHello } from '../../../lib/wire/handshake/hello.ts';
import { root } from '../../support/repository.ts';
import { decode, decoderOf, Writer, writeFrame } from './native-peer.ts';

interface Vector {
  readonly text: string;
  readonly bytes: Buffer;
  readonly value: unknown;
}

const document = readFileSync(join(root, 'docs/protocol.md'), 'utf8');

function vectorsOf(name: string): Vector[] {
  const [, block = ''] = document.split(`\`\`\`vectors ${name}\n`);
  const [lines = ''] = block.split('```');
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, hex = '', text = ''] = /^([\da-f ]+?) {2,}(.*)$/.exec(line) ?? [];
      const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
      return { text, bytes, value: JSON.parse(text, revive) as unknown };
    });
}

/** Binary data stands in the document as its class and its bytes. */
function revive(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$Buffer' in value) return Buffer.from(String(value.$Buffer), 'hex');
  if ('$bytes' in value) return new Uint8Array(Buffer.from(String(value.$bytes), 'hex'));
  if ('$Float32Array' in value) {
    return new Float32Array(Uint8Array.from(Buffer.from(String(value.$Float32Array), 'hex')).buffer);
  }
  if ('$bigint' in value) return BigInt(String(value.$bigint));
  return value;
}

/** The contracts of the document, and its data by them. */
const Move = struct('move', { player: u32, x: f64, y: f64, hp: u32, team: enumOf('red', 'blue'), crouched: bool });
const All = struct('all', {
  a: any,
  b: bytes,
  e: struct('none', {}),
  l: list(i16),
  m: map(u64),
  o: optional(f32),
  t: text,
});
const own = new OwnContracts([Move.codec, All.codec], 64);
const contracts = new PeerContracts(own).agree(own.hashes);

function byContract(frame: Frame): Frame {
  if (!('data' in frame) || typeof frame.data !== 'object' || frame.data === null) return frame;
  const of: Struct<unknown> = 'player' in frame.data ? Move : All;
  return { ...frame, data: of.of(frame.data) };
}

/** The frame as a decoder tells it: with its size, and with the members that JSON cannot say. */
function frameOf({ value, bytes }: Vector): Frame {
  const frame = { ...(value as Frame), size: bytes.length };
  const optional: Partial<Record<Frame['type'], readonly string[]>> = {
    message: ['data'],
    request: ['data', 'timeoutMs'],
    response: ['data'],
    ping: ['data'],
    pong: ['data'],
    end: ['reason', 'code'],
  };
  const absent = Object.fromEntries((optional[frame.type] ?? []).map((name) => [name, undefined]));
  return { ...absent, ...frame };
}

describe('protocol document', () => {
  it('vectors contracts - the encoder writes them, and the hashes are those of the document', () => {
    const writer = new Writer({ contracts });
    for (const vector of vectorsOf('contracts')) {
      const written = writer.bytes((encoder) => writeFrame(encoder, byContract(frameOf(vector))));
      expect(written.toString('hex'), vector.text).to.equal(vector.bytes.toString('hex'));
    }
    for (const { name, shape, codec } of [Move, All]) {
      expect(document).to.include(`\n    ${JSON.stringify(name)}${signature(shape)}\n`);
      expect(document).to.include(`"${codec.hash}"`);
    }
  });

  for (const name of ['plain', 'records']) {
    const vectors = vectorsOf(name);
    const records = name === 'records';

    it(`vectors ${name} - the encoder writes them`, () => {
      const writer = new Writer({ records });
      for (const vector of vectors) {
        const written = writer.bytes((encoder) => writeFrame(encoder, frameOf(vector)));
        expect(written.toString('hex'), vector.text).to.equal(vector.bytes.toString('hex'));
      }
    });
  }

  for (const name of ['plain', 'records', 'read', 'contracts', 'shared', 'traced']) {
    const vectors = vectorsOf(name);
    const records = name === 'records';
    const shared = name === 'shared';
    const traces = name === 'traced';
    const limits = { records, contracts, shared, traces };
    const all = Buffer.concat(vectors.map(({ bytes }) => bytes));
    const frames = vectors.map(frameOf);
    // A body that was cut counts as a whole, with the one byte of its first part here.
    if (name === 'read') frames.push({ ...(frames.pop() as MessageFrame), size: 8 + 4 + 3 });

    it(`vectors ${name} - the decoder reads them`, () => {
      expect(vectors.length).to.be.greaterThan(2);
      expect(decode(decoderOf(limits), all)).to.deep.equal(frames);
    });

    it(`vectors ${name} - the decoder reads them split at every byte, and byte by byte`, () => {
      for (let cut = 0; cut <= all.length; cut++) {
        expect(decode(decoderOf(limits), all, [cut]), `cut at ${cut}`).to.deep.equal(frames);
      }
      const everywhere = Array.from(all, (_, index) => index);
      expect(decode(decoderOf(limits), all, everywhere)).to.deep.equal(frames);
    });
  }

  it('vectors traced - the encoder writes them', () => {
    const writer = new Writer();
    for (const vector of vectorsOf('traced')) {
      const frame = frameOf(vector) as MessageFrame;
      writer.trace = frame.trace;
      const written = writer.bytes((encoder) => writeFrame(encoder, frame));
      expect(written.toString('hex'), vector.text).to.equal(vector.bytes.toString('hex'));
    }
  });

  it('vectors shared - the encoders of a server write them', () => {
    const space = new BroadcastRecords();
    const encoderOf = (slab: Slab): NativeEncoder =>
      new NativeEncoder({ slab, records: true, maxFrameBytes: 65_536, maxDepth: 64, shared: space });
    encoderOf(new Slab()).encoded(0, { data: { x: 1, y: 2 } });
    const slab = new Slab();
    const encoder = encoderOf(slab);
    for (const vector of vectorsOf('shared')) {
      const { data } = frameOf(vector) as MessageFrame;
      encoder.encoded(0, { data });
      expect(Buffer.concat(slab.take()).toString('hex'), vector.text).to.equal(vector.bytes.toString('hex'));
    }
  });

  it('vectors link-blocks - are written and read, split at every byte', () => {
    const vectors = vectorsOf('link-blocks');
    const writer = new BlockWriter(createDeflater());
    const texts = vectors.map(({ value }) => String(value));
    expect(texts.map((text) => Buffer.concat(writer.wrap(Buffer.from(text))).toString('hex'))).to.deep.equal(
      vectors.map(({ bytes }) => bytes.toString('hex')),
    );
    const all = Buffer.concat(vectors.map(({ bytes }) => bytes));
    for (let cut = 0; cut <= all.length; cut++) {
      const inflater = createInflater(65_536);
      const reader = new BlockReader(inflater);
      const read: string[] = [];
      for (const part of [all.subarray(0, cut), all.subarray(cut)]) {
        reader.feed(part, (bytes) => read.push(Buffer.from(bytes).toString()));
      }
      inflater.close();
      expect(read, `cut at ${cut}`).to.deep.equal(texts);
    }
  });

  it('hellos - are accepted as they stand, unknown members apart', () => {
    const [, ...blocks] = document.split('```hello\n');
    const lines = blocks.flatMap((block) => (block.split('```')[0] ?? '').split('\n').filter((line) => line !== ''));
    expect(lines).to.have.lengthOf(8);
    let offered = asClientHello({});
    for (const line of lines) {
      const hello = JSON.parse(line.slice(line.indexOf('{'))) as { busbar: object };
      const isClient = line.startsWith('client');
      if (isClient) offered = asClientHello(hello);
      const check = (value: unknown): unknown => (isClient ? asClientHello(value) : asServerHello(value, offered));
      expect(check(hello)).to.deep.equal(hello);
      expect(check({ ...hello, more: 1, busbar: { ...hello.busbar, more: 1 } })).to.deep.equal(hello);
    }
  });

  it('limits - the sizes of a frame are those of the code', () => {
    const writer = new Writer();
    const largest = writer.bytes((encoder) => encoder.message(0, Buffer.alloc(65_599), false));
    expect(largest.readUInt32BE(0)).to.equal(65_608);
    const cut = writer.bytes((encoder) => encoder.message(0, Buffer.alloc(65_600), false));
    expect(cut.readUInt32BE(0)).to.equal(65_608);
    expect(cut.length).to.equal(65_612 + 12 + 1);
  });
});
