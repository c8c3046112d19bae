import type { Stretch } from '../log/log-reader.ts';

/** Reads what waits, stretch by stretch; what comes meanwhile follows. */
export interface SourceReader {
  /**
   * The next records up to sequence `upTo`, of `mostBytes` together or one that is longer; undefined when all that are there
   * were read.
   */
  next(mostBytes: number, upTo?: () => number): Promise<Stretch | undefined>;
  close(): Promise<void>;
}

/** Messages for one peer, wherever they are kept, and up to where it has them. */
export interface Source {
  /** By what the peer knows it. */
  readonly folderId: string;
  /** The openings that something may wait of, with the last sequence of each. */
  readonly journals: readonly (readonly [journal: string, last: number])[];
  /** Nothing that this process did not write is behind it. */
  readonly before: number;
  /** From the first message on that the peer has not. */
  reader(): SourceReader;
  /** The peer has `messages` more, of `bytes`, the last of which is `sequence`. */
  take(sequence: number, messages: number, bytes: number): void;
}
