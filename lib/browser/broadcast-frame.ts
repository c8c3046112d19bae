import type { BroadcastFrame } from '../wire/dialect.ts';
import { BodyPacker, roomBytes } from '../wire/native/body-codec.ts';
import { Encoding, FrameType, headerBytes, writeHeader } from '../wire/native/header.ts';
import { isRaw, rawBytes, rawKind } from '../wire/native/raw-body.ts';

/** Stands in for `wire/native/broadcast-frame` in web pages, by the field `browser` of package.json: with one peer nothing is shared. */
export function broadcastFrame(data: unknown, lane: number): BroadcastFrame {
  let encoding: number = Encoding.none;
  let body = new Uint8Array(0);
  if (isRaw(data)) {
    encoding = Encoding.raw;
    const bytes = rawBytes(data);
    body = new Uint8Array(1 + bytes.length);
    body[0] = rawKind(data);
    body.set(bytes, 1);
  } else if (data !== undefined) {
    encoding = Encoding.plain;
    const { buffer, start, end } = new BodyPacker(false).pack(data, new Uint8Array(roomBytes), 0, 0);
    body = buffer.slice(start, end);
  }
  const end = headerBytes + body.length;
  const buffer = new Uint8Array(end);
  writeHeader(buffer, 0, body.length, FrameType.message, encoding, lane, 0);
  buffer.set(body, headerBytes);
  return { encoding, lane, buffer, start: 0, end, data };
}
