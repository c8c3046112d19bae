import type { Handling } from '../base/handling.ts';
import type { SendSettings } from './call-settings.ts';
import type { PeerHandle } from './lane.ts';

/** What a listener hears with a durable message. The pair of `journal` and `sequence` is its name, however often it comes. */
export interface DurableContext {
  /** The id of the opening of the sender's journal in which it was sent. */
  readonly journal: string;
  readonly sequence: number;
  /** Whether a listener may have had it before, in a process that ended meanwhile. */
  readonly redelivered: boolean;
}

/** What waits in a journal. */
export interface DurableBacklog {
  readonly messages: number;
  readonly bytes: number;
  /** Since when the oldest of them waits; 0 where there is none. */
  readonly oldestMs: number;
}

/** What a journal asks of the client that has it. */
export interface DurableSender {
  /** Sends as a client without a journal does. */
  send(data: unknown, settings: SendSettings | undefined): Promise<void>;
  /** The value of what is to travel by a contract; all else as it is. */
  valueOf(data: unknown): unknown;
  /** As `Client.flush`. */
  flush(): Promise<void>;
}

/** The sends of a client that has a journal. */
export interface DurableSends {
  /** Those with `durable`, and those that are to come behind them. */
  send(data: unknown, settings: SendSettings | undefined): Promise<void>;
  backlog(): Promise<DurableBacklog>;
  /** Whether the peer has a journal too. */
  readonly reachesJournal: boolean;
  close(): Promise<void>;
}

/** What a journal asks of the server that has it. */
export interface DurableReceiver {
  /** Whether there is a listener for messages. */
  isHeard(): boolean;
  /** Calls the listeners; `peer` is undefined while the sender is away. */
  hear(handling: Handling, data: unknown, peer: PeerHandle | undefined, context: DurableContext): void;
}

/** The durable messages that come to a server. */
export interface DurableReceipts {
  /** There may be a listener now. */
  listen(): void;
  /** The next start replaces a server that has the folder and is about to let go of it. */
  takeOver(): void;
  /** Nothing is heard until `resume`. */
  pause(): void;
  resume(): void;
  /** Whether what this peer sends durably is written down here. */
  has(peer: PeerHandle): boolean;
  close(): Promise<void>;
}
