import type { AgreedContracts } from '../../../lib/wire/contracts.ts';
import type { Frame } from '../../../lib/wire/frames.ts';
import { NativeDecoder } from '../../../lib/wire/native/decoder.ts';
import { NativeEncoder } from '../../../lib/wire/native/encoder.ts';
import { Slab } from '../../../lib/base/slab.ts';

export interface Limits {
  readonly records?: boolean;
  readonly maxFrameBytes?: number;
  readonly maxDepth?: number;
  readonly contracts?: AgreedContracts | undefined;
  readonly shared?: boolean;
  readonly traces?: boolean;
}

const mebibyte = 1_048_576;

export function decoderOf({
  records = false,
  maxFrameBytes = mebibyte,
  maxDepth = 64,
  contracts,
  shared = false,
  traces = false,
}: Limits = {}): NativeDecoder {
  const decoder = new NativeDecoder({ records, maxFrameBytes, maxDepth, contracts, shared, traces });
  openLanes(decoder, 255);
  return decoder;
}

/** Names the lanes 1 to `count`, as a peer does before it sends on them. */
export function openLanes(decoder: NativeDecoder, count: number): void {
  for (let lane = 1; lane <= count; lane++) {
    const frame = Buffer.from('0000000a0902000000000000a178', 'hex');
    frame.writeUInt16BE(lane, 6);
    decoder.feed(frame, () => {});
  }
}

/** Feeds `bytes` cut at `cuts`, and returns the frames. Each piece is a copy that is overwritten after it was fed. */
export function decode(decoder: NativeDecoder, bytes: Uint8Array, cuts: readonly number[] = []): Frame[] {
  const frames: Frame[] = [];
  const ends = [...cuts, bytes.length];
  let start = 0;
  for (const end of ends) {
    decoder.feed(Uint8Array.from(bytes.subarray(start, end)), (frame) => frames.push(frame));
    start = end;
  }
  return frames;
}

/** An encoder whose bytes are taken after each call. */
export class Writer {
  readonly slab = new Slab();
  /** What frames are written with, if anything. */
  trace: Uint8Array | undefined;
  readonly encoder: NativeEncoder;

  constructor({ records = false, maxFrameBytes = mebibyte, contracts }: Limits = {}) {
    const tracing = { tracer: { current: () => this.trace } };
    const options = { records, maxFrameBytes, maxDepth: 64, contracts, tracing };
    this.encoder = new NativeEncoder({ slab: this.slab, ...options });
  }

  /** What `write` put into the slab, cut bodies included. */
  bytes(write: (encoder: NativeEncoder) => unknown): Buffer {
    write(this.encoder);
    while (this.encoder.queue.writeChunk() !== undefined);
    return Buffer.concat(this.slab.take());
  }
}

/** Makes an encoder write `frame`. */
export function writeFrame(encoder: NativeEncoder, frame: Frame): number {
  switch (frame.type) {
    case 'message':
      return encoder.message(frame.lane, frame.data, frame.confirm, Number(frame.id ?? 0));
    case 'request':
      return encoder.request(frame.lane, Number(frame.id), frame.data, frame.timeoutMs);
    case 'response':
      return encoder.response(frame.lane, frame.id, frame.data);
    case 'failure':
      return encoder.failure(frame.lane, frame.id, frame.error);
    case 'cancel':
      return encoder.cancel(frame.lane, Number(frame.id));
    case 'ping':
      return encoder.ping(Number(frame.id), frame.data);
    case 'pong':
      return encoder.pong(frame.id, frame.data);
    case 'end':
      return encoder.end(frame.reason, frame.allowReconnect, frame.code);
    case 'open':
      return encoder.open(frame.lane, frame.name);
    case 'part':
      throw new Error('A part is written by cutting a body');
    case 'ack':
      return encoder.ack(frame.received);
    case 'heartbeat':
      return encoder.heartbeat();
    case 'heartbeat-reply':
      return encoder.heartbeatReply();
    case 'pause':
      return encoder.pause();
    case 'resume':
      return encoder.resume();
    case 'going-away':
      return encoder.goingAway();
  }
}
