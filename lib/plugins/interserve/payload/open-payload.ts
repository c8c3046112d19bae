import { Readable } from 'node:stream';
import { BusError } from '../../../base/errors.ts';
import { FilePayload } from './file-payload.ts';
import { MemoryPayload } from './memory-payload.ts';
import type { Payload } from './payload.ts';
import { SpoolPayload } from './spool-payload.ts';

/** What can be sent. */
export type Sendable = string | ArrayBufferView | ArrayBuffer | Readable | { readonly file: string };

/**
 * How to open `data`; a stream that yields more than `limit` bytes fails.
 * @throws BusError `ERR_INVALID_ARGUMENT` for anything that cannot be sent.
 */
export function payloadOf(data: unknown, limit: number): () => Promise<Payload> {
  if (typeof data === 'string' || ArrayBuffer.isView(data)) return async () => new MemoryPayload(data);
  if (data instanceof ArrayBuffer) return async () => new MemoryPayload(new Uint8Array(data));
  if (data instanceof Readable) {
    if (data.destroyed) throw new BusError('ERR_INVALID_ARGUMENT', 'The stream to be sent is destroyed already');
    const spool = new SpoolPayload(data, limit);
    return async () => spool;
  }
  const path = typeof data === 'object' && data !== null && 'file' in data ? data.file : undefined;
  if (typeof path === 'string' && path.length > 0 && !path.includes('\0')) return () => FilePayload.open(path);
  throw new BusError('ERR_INVALID_ARGUMENT', 'What is sent is a string, bytes, a Readable or { file: path }');
}
