import type { FloodLimits } from './flood-gate.ts';

/** What one room may hold and pass on. */
export interface RoomLimits {
  readonly maxUsers: number;
  /** Bytes of one chunk. */
  readonly maxChunkBytes: number;
  /** Bytes of one `send` or `broadcast` in data mode, and of one call. */
  readonly maxPayloadBytes: number;
  /** Bytes that may wait to go out to one user. */
  readonly maxPendingBytes: number;
  readonly flood: FloodLimits & { readonly consequence: 'kick' | 'drop' };
}
