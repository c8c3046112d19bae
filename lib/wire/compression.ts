/**
 * One direction of a link's raw deflate stream. Its state runs through all packets of the link, each flushed by itself
 * with its trailing `00 00 ff ff` kept.
 */
export interface Deflater {
  process(bytes: Uint8Array): Uint8Array;
  close(): void;
}

/**
 * The other direction. `process` throws `ERR_PROTOCOL` for bytes that are no deflate stream and `ERR_TOO_LARGE` past the
 * output limit; after either the stream is closed and throws `ERR_PROTOCOL`.
 */
export interface Inflater {
  process(bytes: Uint8Array): Uint8Array;
  close(): void;
}
