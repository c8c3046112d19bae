import { Packr } from 'msgpackr';
import { Bench } from 'tinybench';
import type { Infer } from '../../lib/struct/index.ts';
import { ReplayBuffer } from '../../lib/session/replay-buffer.ts';
import { OwnContracts, PeerContracts } from '../../lib/wire/contracts.ts';
import type { Frame } from '../../lib/wire/frames.ts';
import { NativeDecoder } from '../../lib/wire/native/decoder.ts';
import { NativeEncoder } from '../../lib/wire/native/encoder.ts';
import { NetIpcEncoder } from '../../lib/wire/net-ipc/net-ipc-encoder.ts';
import { Slab } from '../../lib/base/slab.ts';
import { Move } from '../contracts.ts';
import { payload } from '../payloads.ts';

type MoveValue = Infer<typeof Move>;

const limits = { maxFrameBytes: 16_777_216, maxDepth: 64 };
/** Everything is done to so many objects at a time, as the clock is too coarse for one. */
const batch = 64;

function bytesOf(slab: Slab): Buffer {
  return Buffer.concat(slab.take());
}

/** Encoder, decoder, buffer and codecs by themselves; nanoseconds for one 100-byte object. */
export async function runMicro(quick: boolean): Promise<string> {
  const bench = new Bench(quick ? { time: 20, warmupTime: 10 } : { time: 500, warmupTime: 200 });
  const { values } = payload('game');
  const own = new OwnContracts([Move.codec], limits.maxDepth);
  const contracts = new PeerContracts(own).agree(own.hashes);
  const given = { maxFrameBytes: limits.maxFrameBytes, maxDepth: limits.maxDepth };
  const same = (value: object): unknown => value;
  const ways = [
    { kind: 'records', as: same, codec: { ...given, records: true } },
    { kind: 'plain maps', as: same, codec: { ...given, records: false } },
    {
      kind: 'contract',
      as: (value: object) => Move.of(value as MoveValue),
      codec: { ...given, records: false, contracts },
    },
  ];
  for (const { kind, as, codec } of ways) {
    const slab = new Slab();
    const encoder = new NativeEncoder({ slab, ...codec });
    bench.add(`native encoder, ${kind}`, () => {
      for (const value of values) encoder.message(0, as(value), false);
      slab.take();
    });
    const other = new Slab();
    const source = new NativeEncoder({ slab: other, ...codec });
    const decoder = new NativeDecoder(codec);
    const sink: (frame: Frame) => void = () => {};
    for (const value of values) source.message(0, as(value), false);
    // The first batch carries the definitions; the ones after it name them.
    decoder.feed(bytesOf(other), sink);
    for (const value of values) source.message(0, as(value), false);
    const bytes = bytesOf(other);
    bench.add(`native decoder, ${kind}`, () => decoder.feed(bytes, sink));
  }
  for (const messagepack of [false, true]) {
    const slab = new Slab();
    const encoder = new NetIpcEncoder({ slab, messagepack, maxFrameBytes: limits.maxFrameBytes });
    bench.add(`net-ipc encoder, ${messagepack ? 'MessagePack' : 'JSON'}`, () => {
      for (const value of values) encoder.message(0, value, false);
      slab.take();
    });
  }
  const buffer = new ReplayBuffer();
  const segment = Buffer.alloc(100 * batch);
  bench.add('buffer, record and acknowledge', () => {
    for (let n = 0; n < batch; n++) buffer.record(100, undefined);
    buffer.store(segment);
    buffer.acknowledge(buffer.sequence);
  });
  const records = new Packr({ sequential: true });
  bench.add('msgpackr alone, pack with records', () => {
    for (const value of values) records.pack(value);
  });
  const texts = values.map((value) => JSON.stringify(value));
  bench.add('JSON.stringify', () => {
    for (const value of values) JSON.stringify(value);
  });
  bench.add('JSON.parse', () => {
    for (const text of texts) JSON.parse(text);
  });
  await bench.run();
  const lines = bench.tasks.map(({ name, result }) => {
    const ms = 'latency' in result ? result.latency.mean : NaN;
    return `${name.padEnd(36)}${Math.round((ms * 1e6) / batch)
      .toString()
      .padStart(8)} ns`;
  });
  return `${lines.join('\n')}\n`;
}
