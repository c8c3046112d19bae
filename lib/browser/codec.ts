import type { Codec } from '../wire/codec.ts';
import { BodyPacker, BodyReader, packPlain, roomBytes } from './body-codec.ts';
import { ClientHandshake } from './client-handshake.ts';
import { NativeDecoder } from './decoder.ts';
import { NativeEncoder } from './encoder.ts';
import { Slab } from './slab.ts';

export { BodyPacker, BodyReader, ClientHandshake, NativeDecoder, NativeEncoder, packPlain, roomBytes, Slab };

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
