import type { Parcel } from '../relay/parcel.ts';

/** An end's way to its relay; everything on it keeps its order. */
export interface Line {
  /** Resolves when the way takes more. */
  send(parcel: Parcel): Promise<void>;
  /** A user leaves, an owner closes. */
  leave(): void;
  kick(user: number, text: string | undefined): void;
  block(user: number, text: string | undefined): void;
  unblock(who: number | string): void;
}

/** What the relay said about a channel when it let the end in. */
export interface Admission {
  /** The relay's number for the channel. */
  readonly room: number;
  /** The end's own number for it: the lowest free one of 0 to 127. */
  readonly number: number;
  readonly maxChunkBytes: number;
  readonly maxPayloadBytes: number;
}
