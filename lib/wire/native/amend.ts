import type { Asker } from '../dialect.ts';
import { Flag, headerBytes, isQuestion, readUint32, writeUint32 } from './header.ts';

/**
 * Brings the frame at `at` of `bytes` up to date: how long its answer is still waited for, and whether it is at all, if the
 * peer `knows` of requests that were withdrawn. `begins`: whether a body begins with it.
 */
export function amendFrame(bytes: Uint8Array, at: number, begins: boolean, asker: Asker, knows: boolean): void {
  const id = readUint32(bytes, at + 8);
  if (id === 0 || !isQuestion(bytes[at + 4] as number)) return;
  const flags = bytes[at + 5] as number;
  const left = asker.left(id);
  if (begins && (flags & Flag.deadline) !== 0) writeUint32(bytes, at + headerBytes, Math.max(0, left));
  if (left < 0 && knows && (flags & Flag.more) === 0) bytes[at + 5] = flags | Flag.withdrawn;
}
