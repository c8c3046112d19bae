import { BusError } from '../../base/errors.ts';
import type { Deflater } from '../compression.ts';
import type { PeerContracts } from '../contracts.ts';
import type { EncodedMessage, Encoder } from '../dialect.ts';
import type { RemoteFailure, RequestId } from '../frames.ts';
import type { Slab } from '../../base/slab.ts';
import { type Body, type BodyComposer, tooLarge, JsonBody, MessagePackBody } from './body.ts';
import { nonceOfRequest, type PacketType, packetType, tagWidth, writeTag } from './packet.ts';

export interface NetIpcEncoderOptions {
  readonly slab: Slab;
  readonly messagepack: boolean;
  readonly deflater?: Deflater | undefined;
  /** Largest body, before it is deflated. */
  readonly maxFrameBytes: number;
  /** Absent where this end has none; the peer has none in any case. */
  readonly contracts?: PeerContracts | undefined;
}

/** Larger bodies that are not in the slab are handed on rather than copied. */
const adoptFrom = 16_384;

/** Writes packets of net-ipc 2.x, which knows lane 0 only and neither confirmations nor the requester's timeout. */
export class NetIpcEncoder implements Encoder {
  readonly queue = undefined;
  readonly #slab: Slab;
  readonly #composer: BodyComposer;
  readonly #codec: 'json' | 'messagepack';
  readonly #deflater: Deflater | undefined;
  readonly #maxFrameBytes: number;
  readonly #contracts: PeerContracts | undefined;
  /** How wide the last tag was; the next one is put where it fits if it is as wide. */
  #tagWidth = 1;

  constructor(options: NetIpcEncoderOptions) {
    this.#slab = options.slab;
    this.#codec = options.messagepack ? 'messagepack' : 'json';
    this.#composer = options.messagepack
      ? new MessagePackBody(options.maxFrameBytes)
      : new JsonBody(options.maxFrameBytes);
    this.#deflater = options.deflater;
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#contracts = options.contracts;
  }

  message(lane: number, data: unknown, confirm: boolean): number {
    if (lane !== 0 || confirm) throw lacksFeature(lane === 0 ? 'confirmed messages' : 'lanes');
    return this.#write(packetType.message, data, undefined);
  }

  request(lane: number, id: number, data: unknown, _timeoutMs: number | undefined): number {
    if (lane !== 0) throw lacksFeature('lanes');
    return this.#write(packetType.request, data, nonceOfRequest(id));
  }

  response(lane: number, id: RequestId, data: unknown): number {
    if (lane !== 0) throw lacksFeature('lanes');
    return this.#write(packetType.response, data, id);
  }

  /** net-ipc takes it as an answer without data; busbar reads the extra member `e`. */
  failure(lane: number, id: RequestId, error: RemoteFailure): number {
    if (lane !== 0) throw lacksFeature('lanes');
    return this.#write(packetType.response, undefined, id, error);
  }

  ping(id: number, data: unknown): number {
    return this.#write(packetType.ping, data, nonceOfRequest(id));
  }

  pong(id: RequestId, data: unknown): number {
    return this.#write(packetType.pong, data, id);
  }

  end(reason: unknown, allowReconnect: boolean, code: string | undefined): number {
    const data = code === undefined ? { m: reason, a: allowReconnect } : { m: reason, a: allowReconnect, c: code };
    return this.#write(packetType.end, data, undefined);
  }

  encoded(lane: number, frame: EncodedMessage): number {
    if (lane !== 0) throw lacksFeature('lanes');
    const data = this.#plain(frame.data);
    const bodies = (frame.netIpc ??= {});
    const ready = bodies[this.#codec];
    if (ready) return this.#finish({ buffer: ready, start: 0, end: ready.length });
    const body = this.#composer.compose(this.#slab, this.#tagWidth, packetType.message, data, undefined, undefined);
    bodies[this.#codec] = new Uint8Array(body.buffer.subarray(body.start, body.end));
    return this.#finish(body);
  }

  cancel(_lane: number, _id: number): number {
    return 0;
  }

  open(_lane: number, _name: string): number {
    return 0;
  }

  ack(_received: number): number {
    return 0;
  }

  /** A ping, which net-ipc peers answer; 0 is not a question's id. */
  heartbeat(): number {
    return this.#write(packetType.ping, undefined, nonceOfRequest(0));
  }

  heartbeatReply(): number {
    return 0;
  }

  pause(): number {
    return 0;
  }

  resume(): number {
    return 0;
  }

  goingAway(): number {
    return 0;
  }

  #write(type: PacketType, data: unknown, nonce: RequestId | undefined, error?: RemoteFailure): number {
    const plain = this.#plain(data);
    return this.#finish(this.#composer.compose(this.#slab, this.#tagWidth, type, plain, nonce, error));
  }

  #plain(data: unknown): unknown {
    return this.#contracts === undefined ? data : this.#contracts.plain(data);
  }

  #finish(body: Body): number {
    const { buffer, start, end } = body;
    const size = end - start;
    if (size > this.#maxFrameBytes) throw tooLarge(size, this.#maxFrameBytes);
    if (this.#deflater) return this.#put(this.#deflater.process(buffer.subarray(start, end)));
    const slab = this.#slab;
    if (buffer !== slab.buffer) return this.#put(buffer.subarray(start, end));
    const width = tagWidth(size);
    const at = slab.position;
    this.#tagWidth = width;
    if (at + width !== start) {
      if (at + width + size > buffer.length) return this.#put(new Uint8Array(buffer.subarray(start, end)));
      buffer.copyWithin(at + width, start, end);
    }
    writeTag(buffer, at, size, width);
    slab.position = at + width + size;
    return width + size;
  }

  /** Writes a body that is not in its place; nobody else may hold a large one. */
  #put(bytes: Uint8Array): number {
    const slab = this.#slab;
    const width = tagWidth(bytes.length);
    const large = bytes.length >= adoptFrom;
    slab.ensure(large ? width : width + bytes.length);
    writeTag(slab.buffer, slab.position, bytes.length, width);
    slab.position += width;
    if (large) {
      slab.adopt(bytes);
    } else {
      slab.buffer.set(bytes, slab.position);
      slab.position += bytes.length;
    }
    return width + bytes.length;
  }
}

function lacksFeature(feature: string): BusError {
  return new BusError('ERR_PEER_LACKS_FEATURE', `The peer speaks the net-ipc dialect, which has no ${feature}`);
}
