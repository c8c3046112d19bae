import { BusError } from '../../base/errors.ts';
import { Flag, FrameType, writeUint32 } from './header.ts';

/** A trace context: its version, 16 bytes of the trace's id, 8 of the span's, flags. They do not count for what a body may have. */
export const traceBytes = 26;

/** Says which context what is sent belongs to. */
export interface Tracing {
  /** In `traceBytes` bytes; undefined for none. */
  current(): Uint8Array | undefined;
}

/** Who says so at present, if anybody does. */
export interface Traced {
  readonly tracer: Tracing | undefined;
}

/** How many bytes stand before a body; `timeoutMs`: negative for no deadline. */
export function introBytes(timeoutMs: number, trace: Uint8Array | undefined): number {
  return (timeoutMs < 0 ? 0 : 4) + (trace === undefined ? 0 : traceBytes);
}

/** What says so in the header. */
export function introFlags(timeoutMs: number, trace: Uint8Array | undefined): number {
  return (timeoutMs < 0 ? 0 : Flag.deadline) | (trace === undefined ? 0 : Flag.trace);
}

export function writeIntro(into: Uint8Array, at: number, timeoutMs: number, trace: Uint8Array | undefined): void {
  if (timeoutMs >= 0) writeUint32(into, at, timeoutMs);
  if (trace !== undefined) into.set(trace, timeoutMs < 0 ? at : at + 4);
}

export function introOf(timeoutMs: number, trace: Uint8Array | undefined): Uint8Array {
  const intro = new Uint8Array(introBytes(timeoutMs, trace));
  writeIntro(intro, 0, timeoutMs, trace);
  return intro;
}

/** A copy of the context at `start`. @throws BusError `ERR_PROTOCOL`. */
export function readTrace(type: number, bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (type !== FrameType.message && type !== FrameType.request) {
    throw new BusError('ERR_PROTOCOL', 'Only messages and requests have a trace context');
  }
  if (end - start < traceBytes) throw new BusError('ERR_PROTOCOL', 'A body is too short for its trace context');
  return new Uint8Array(bytes.subarray(start, start + traceBytes));
}
