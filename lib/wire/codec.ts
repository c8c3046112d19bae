import type { Decoder, Encoder } from './dialect.ts';
import {
  ClientHandshake,
  type ClientHandshakeOptions,
  type ClientHandshakeStep,
} from './handshake/client-handshake.ts';
import { Slab } from '../base/slab.ts';
import { BodyPacker, BodyReader, type Packed, packPlain, roomBytes } from './native/body-codec.ts';
import { NativeDecoder, type NativeDecoderOptions } from './native/decoder.ts';
import { NativeEncoder, type NativeEncoderOptions } from './native/encoder.ts';

export { BodyPacker, BodyReader, ClientHandshake, NativeDecoder, NativeEncoder, packPlain, roomBytes, Slab };

/** Both sides of `#codec`: what native sessions write and read with, and messages that others carry. */
export interface Codec<Target extends Pick<Slab, 'pendingBytes' | 'release' | 'take'>> {
  readonly Slab: new () => Target;
  readonly NativeEncoder: new (options: NativeEncoderOptions<Target>) => Encoder;
  readonly NativeDecoder: new (options: NativeDecoderOptions) => Decoder;
  readonly ClientHandshake: new (
    options: ClientHandshakeOptions,
  ) => { start(): Uint8Array; feed(bytes: Uint8Array): ClientHandshakeStep | undefined };
  readonly BodyPacker: new () => {
    pack(data: unknown, slab: Uint8Array, at: number, headroom: number, maxDepth?: number, most?: number): Packed;
  };
  readonly BodyReader: new () => { read(bytes: Uint8Array, start: number, end: number, maxDepth?: number): unknown };
  readonly packPlain: (value: unknown) => Uint8Array;
  /** What has to be free in a buffer, behind a body's start, before it is packed there. */
  readonly roomBytes: number;
}

({
  BodyPacker,
  BodyReader,
  ClientHandshake,
  NativeDecoder,
  NativeEncoder,
  packPlain,
  roomBytes,
  Slab,
}) satisfies Codec<Slab>;
