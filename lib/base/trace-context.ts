const version = 0;
const idBytes = 16;
const spanBytes = 8;
const sampled = 1;
const hex = /^[\da-f]+$/;

/** A span as others know it, with its ids in hexadecimal digits; that of OpenTelemetry is one. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean;
}

/** What travels of a span: its version, the id of its trace, its own, its flags. */
export function toBytes({ traceId, spanId, traceFlags }: SpanContext): Uint8Array {
  const bytes = Buffer.alloc(1 + idBytes + spanBytes + 1);
  bytes[0] = version;
  bytes.write(traceId, 1, 'hex');
  bytes.write(spanId, 1 + idBytes, 'hex');
  bytes[1 + idBytes + spanBytes] = traceFlags;
  return bytes;
}

/** The span at the peer; undefined for bytes that name none, or are of a version to come. */
export function fromBytes(bytes: Uint8Array): SpanContext | undefined {
  const { buffer, byteOffset, length } = bytes;
  const text = Buffer.from(buffer, byteOffset, length).toString('hex', 1, 1 + idBytes + spanBytes);
  const traceId = text.slice(0, idBytes * 2);
  const spanId = text.slice(idBytes * 2);
  if (bytes[0] !== version || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: (bytes[1 + idBytes + spanBytes] ?? 0) & sampled, isRemote: true };
}

/** Whether a span is one that is worth a place in a message. */
export function isSampled({ traceId, spanId, traceFlags }: SpanContext): boolean {
  if ((traceFlags & sampled) === 0) return false;
  return traceId.length === idBytes * 2 && spanId.length === spanBytes * 2 && hex.test(traceId) && hex.test(spanId);
}
