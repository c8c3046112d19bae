import { copyOf } from '../../../base/bytes.ts';
import { ChunkDecoder } from '../joint-bytes/chunks.ts';

export type StreamMode = 'data' | 'chunk' | 'remote';

interface StreamSink {
  data(user: number, bytes: Uint8Array): void;
  chunk(user: number, bytes: Uint8Array): void;
  remote(user: number, bytes: Uint8Array): void;
  /** The bytes are not what the mode expects; the user's stream cannot be read any more. */
  malformed(user: number): void;
}

/** What keeping a piece costs beside its bytes. */
const pieceBytes = 64;

/**
 * What joint peers send are bytes that do not say what they are. This reads them in the end's mode, each user's apart,
 * and keeps them, within a limit, as long as the mode is open.
 */
export class StreamReader {
  readonly #maxChunkBytes: number;
  readonly #maxHeldBytes: number;
  readonly #sink: StreamSink;
  readonly #decoders = new Map<number, ChunkDecoder>();
  #mode: StreamMode | undefined;
  #held: { readonly user: number; readonly bytes: Uint8Array }[] = [];
  #heldBytes = 0;

  constructor(sink: StreamSink, mode: StreamMode | undefined, maxChunkBytes: number, maxHeldBytes: number) {
    this.#sink = sink;
    this.#mode = mode;
    this.#maxChunkBytes = maxChunkBytes;
    this.#maxHeldBytes = maxHeldBytes;
  }

  /** Fixes the mode if it is still open. */
  decide(mode: StreamMode): void {
    if (this.#mode !== undefined) return;
    this.#mode = mode;
    const held = this.#held;
    this.#held = [];
    for (const { user, bytes } of held) this.feed(user, bytes);
  }

  feed(user: number, bytes: Uint8Array): void {
    if (this.#mode === undefined) {
      const cost = bytes.length + pieceBytes;
      if (this.#heldBytes + cost > this.#maxHeldBytes) {
        this.#sink.malformed(user);
        return;
      }
      this.#heldBytes += cost;
      // A copy: a view of a byte keeps all that was read with it.
      this.#held.push({ user, bytes: copyOf(bytes) });
      return;
    }
    if (this.#mode === 'data') {
      this.#sink.data(user, bytes);
      return;
    }
    const deliver = this.#mode === 'chunk' ? this.#sink.chunk : this.#sink.remote;
    try {
      this.#decoder(user).feed(bytes, (chunk) => deliver.call(this.#sink, user, chunk));
    } catch {
      this.#decoders.delete(user);
      this.#sink.malformed(user);
    }
  }

  /** The user came or went: its stream starts again. */
  reset(user: number): void {
    this.#decoders.delete(user);
    this.#held = this.#held.filter((held) => {
      if (held.user === user) this.#heldBytes -= held.bytes.length + pieceBytes;
      return held.user !== user;
    });
  }

  #decoder(user: number): ChunkDecoder {
    const known = this.#decoders.get(user);
    if (known !== undefined) return known;
    const decoder = new ChunkDecoder(this.#maxChunkBytes);
    this.#decoders.set(user, decoder);
    return decoder;
  }
}
