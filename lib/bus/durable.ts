import type { Handling } from '../base/handling.ts';
import { durableOptions, type DurableSendOptions, type SendSettings } from './call-settings.ts';
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

/** What a journal asks of the end that has it, to send to a peer. */
export interface DurableSender {
  /** Sends as an end without a journal does. */
  send(data: unknown, settings: SendSettings | undefined): Promise<void>;
  /** The value of what is to travel by a contract; all else as it is. */
  valueOf(data: unknown): unknown;
  /** As `Client.flush`. */
  flush(): Promise<void>;
}

/** What a journal asks of the end that has it, to have what comes heard. */
export interface DurableReceiver {
  /** Whether there is a listener for messages. */
  isHeard(): boolean;
  /** Calls the listeners; `peer` is undefined while the sender is away. */
  hear(handling: Handling, data: unknown, peer: PeerHandle | undefined, context: DurableContext): void;
}

/** The durable messages that come to an end. */
export interface DurableReceipts {
  /** There may be a listener now. */
  listen(): void;
  /** Nothing is heard until `resume`. */
  pause(): void;
  resume(): void;
}

/** What goes to one peer of an end that has a journal. */
export interface DurableSends {
  /** Without the journal, in order with what goes by it. */
  send(data: unknown, settings: SendSettings | undefined): Promise<void>;
  sendDurably(data: unknown, options: DurableSendOptions): Promise<void>;
}

/** Sends as `settings` say. Rejects what either way rejects with, or `ERR_INVALID_ARGUMENT`. */
export function sendBy(sends: DurableSends, data: unknown, settings: SendSettings | undefined): Promise<void> {
  if (settings?.durable === undefined) return sends.send(data, settings);
  try {
    const options = durableOptions(settings);
    if (options !== undefined) return sends.sendDurably(data, options);
    const { durable: _, ...others } = settings;
    return sends.send(data, others);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** The journal of a client. */
export interface ClientJournal extends DurableReceipts, DurableSends {
  backlog(): Promise<DurableBacklog>;
  /** Whether the server has a journal too. */
  readonly reachesJournal: boolean;
  close(): Promise<void>;
}

/** What waits for one client. */
export interface PeerBacklog extends DurableBacklog {
  /** The id of its journal: the `journal` of the connections that it has. */
  readonly id: string;
}

/** What a journal asks of a server, to send to one client. */
export interface ClientSender extends DurableSender {
  /** What the client says is heard from now on, be it that it is welcomed still. */
  welcomed(): void;
}

/** What goes to one client of a server that has a journal. */
export interface ClientSends extends DurableSends {
  /** The id of the client's journal; undefined where it has none, or has not said so yet. */
  readonly journal: string | undefined;
}

/** The journal of a server. */
export interface ServerJournal extends DurableReceipts {
  /** For a connection, as long as that lasts. */
  sendsTo(peer: PeerHandle, sender: ClientSender): ClientSends;
  /** Of each client for which something waits. */
  backlog(): Promise<PeerBacklog[]>;
  /** Gives up what waits for the client with this journal; resolves how many messages that were. */
  forget(id: string): Promise<number>;
  /** The next start replaces a server that has the folder and is about to let go of it. */
  takeOver(): void;
  close(): Promise<void>;
}
