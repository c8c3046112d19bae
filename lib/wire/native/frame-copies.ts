import type { Slab } from '../../base/slab.ts';
import type { BroadcastFrame } from '../dialect.ts';
import { FrameType, headerBytes, writeHeader } from './header.ts';

/** Bytes up to this are copied into the slab; more are handed on as they are. */
export const copyBytes = 4_096;

/** Writes a frame of `body`, and returns its bytes. */
export function copyFrame(slab: Slab, type: number, flags: number, lane: number, id: number, body: Uint8Array): number {
  slab.ensure(headerBytes + body.length);
  writeHeader(slab.buffer, slab.position, body.length, type, flags, lane, id);
  slab.buffer.set(body, slab.position + headerBytes);
  slab.position += headerBytes + body.length;
  return headerBytes + body.length;
}

/** Writes the body of a frame that is there already behind a trace context. */
export function traceFrame(slab: Slab, frame: BroadcastFrame, lane: number, flags: number, trace: Uint8Array): number {
  const { buffer, start, end } = frame;
  const bodyStart = start + headerBytes;
  const bodyBytes = end - bodyStart;
  const isFew = bodyBytes <= copyBytes;
  const written = headerBytes + trace.length;
  slab.ensure(isFew ? written + bodyBytes : written);
  writeHeader(slab.buffer, slab.position, trace.length + bodyBytes, FrameType.message, flags, lane, 0);
  slab.buffer.set(trace, slab.position + headerBytes);
  if (isFew) slab.buffer.set(buffer.subarray(bodyStart, end), slab.position + written);
  slab.position += isFew ? written + bodyBytes : written;
  if (!isFew) slab.share(buffer, bodyStart, end);
  return written + bodyBytes;
}

/** Writes a frame that is there already, and returns its bytes. */
export function shareFrame(slab: Slab, frame: BroadcastFrame, lane: number): number {
  const { encoding, buffer, start, end } = frame;
  const size = end - start;
  // Few bytes that would come between others are copied, so that all are one piece.
  if (lane !== frame.lane || (size <= copyBytes && slab.isWriting)) {
    return copyFrame(slab, FrameType.message, encoding, lane, 0, buffer.subarray(start + headerBytes, end));
  }
  slab.share(buffer, start, end);
  return size;
}
