import { createTable, type RelayOptions } from '../options.ts';
import type { FloodLimits } from './flood-gate.ts';

const largestHeader = 536_870_912;

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

/** What the owner of a room asked for, within what the operator of the relay allows. */
export function roomLimits(asked: Readonly<Record<string, unknown>>, options: RelayOptions): RoomLimits {
  const { maxUsers, maxPayloadBytes, maxPendingBytes, messagesPerSecond, bytesPerSecond, flood } = options;
  return {
    maxUsers: within(asked['maxUsers'], createTable.maxUsers.default, maxUsers),
    maxChunkBytes: within(
      asked['maxChunkSize'],
      createTable.maxChunkSize.default,
      Math.min(maxPayloadBytes, largestHeader),
    ),
    maxPayloadBytes: within(asked['maxPayloadBytes'], createTable.maxPayloadBytes.default, maxPayloadBytes),
    maxPendingBytes: within(asked['maxPendingBytes'], createTable.maxPendingBytes.default, maxPendingBytes),
    flood: {
      messagesPerSecond: within(asked['messagesPerSecond'], createTable.messagesPerSecond.default, messagesPerSecond),
      bytesPerSecond: within(asked['bytesPerSecond'], createTable.bytesPerSecond.default, bytesPerSecond),
      consequence: asked['flood'] === 'drop' ? 'drop' : asked['flood'] === 'kick' ? 'kick' : flood,
    },
  };
}

function within(asked: unknown, preset: number, most: number): number {
  const wanted = typeof asked === 'number' && Number.isInteger(asked) && asked >= 1 ? asked : preset;
  return Math.min(wanted, most);
}
