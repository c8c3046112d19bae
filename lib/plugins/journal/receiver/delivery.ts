/** The messages of one record, until all of them are handled. */
export interface Portion {
  left: number;
  /** Its record is needed no more. */
  free(): void;
}

/** One message on its way to its handler. */
export interface Delivery {
  /** Of all that ever came to this folder. */
  readonly number: number;
  /** The id of the folder of its sender. */
  readonly folder: string;
  readonly journal: string;
  readonly sequence: number;
  /** The record of this log that it stands in. */
  readonly record: number;
  /** Where that begins in its segment. */
  readonly position: number | undefined;
  /** How long its data is. */
  readonly bytes: number;
  /** Its data, valid only until the receiver has returned; `nothing` if it was released and has to be read again. */
  body: Uint8Array;
  /** It is to be answered. */
  readonly isRequest: boolean;
  /** Whether somebody may have had it, before any of `attempts`. */
  readonly isRedelivered: boolean;
  /** How often a consumer has begun with it. */
  attempts: number;
  readonly portion: Portion;
}

/** Instead of data that was released: no message has none. */
export const nothing = new Uint8Array(0);

/** Who handles what comes. */
export interface Sink {
  /** Whether it takes one more of this sender, whose messages it takes. */
  hasRoom(folder: string): boolean;
  take(delivery: Delivery): void;
}

/** How a sink reports what it has accepted. */
export interface SinkOwner {
  /** It is about to be begun with; resolves once that is written, and rejects where it cannot be. */
  begun(delivery: Delivery): Promise<void>;
  done(delivery: Delivery): void;
  /** Nobody has looked at it, and it is to be given again. */
  returned(delivery: Delivery): void;
  /** It failed permanently; resolves when that is written, or cannot be. */
  died(delivery: Delivery, error: unknown): Promise<void>;
  /** The sink has room again. */
  roomMade(): void;
}
