import type { Log } from './log.ts';
import { bodyLength, recordHeaderBytes, sequenceOf } from './record.ts';

const readBytes = 262_144;

/**
 * Reads the records of these sequences, in order; `positionOf` says where in its segment one begins, where that is known. Segment by segment, since those in between may have millions of others.
 * Rejects with the system's error.
 */
export async function readRecords(
  log: Log,
  sequences: readonly number[],
  give: (sequence: number, bytes: Uint8Array, start: number, end: number) => void,
  positionOf: (sequence: number) => number | undefined = () => undefined,
): Promise<void> {
  const wanted = new Set(sequences);
  for (const { first, last } of [...log.segments]) {
    const here = sequences.filter((sequence) => sequence >= first && sequence <= last);
    if (here.length === 0) continue;
    const end = Math.max(...here);
    const from = Math.min(...here);
    const reader = log.reader(from, positionOf(from));
    try {
      const next = (): ReturnType<typeof reader.next> => reader.next(readBytes, () => end);
      for (let found = await next(); found; found = await next()) {
        const { bytes } = found;
        for (let at = 0; at < bytes.length; ) {
          const sequence = sequenceOf(bytes, at);
          const start = at + recordHeaderBytes;
          at = start + bodyLength(bytes, at);
          if (wanted.has(sequence)) give(sequence, bytes, start, at);
        }
      }
    } finally {
      await reader.close();
    }
  }
}
