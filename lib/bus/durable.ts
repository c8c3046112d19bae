import { BusError } from '../base/errors.ts';
import type { Handling } from '../base/handling.ts';
import { failing } from '../base/wait.ts';
import { durableOptions, type DurableSendOptions, type SendSettings } from './call-settings.ts';
import type { PeerHandle } from './lane.ts';

/**
 * What a listener gets with a durable message. `journal` and `sequence` together identify it, however often it is
 * delivered.
 */
export interface DurableContext {
  /** The id of the opening of the sender's journal in which the message was sent. */
  readonly journal: string;
  readonly sequence: number;
  /** Whether it may have been delivered before: in a process that has ended, or to a consumer that failed. */
  readonly redelivered: boolean;
}

/** What a handler gets with a durable request. */
export interface DurableRequestContext {
  /** The key of the request, or its journal and sequence, separated by a dot. */
  readonly key: string;
  /** Whether a handler may have had it before, in a process that has ended. */
  readonly redelivered: boolean;
}

/** What a consumer gets with a message. */
export interface ConsumeContext extends DurableContext {
  /** 1 for the first attempt. An attempt that the process did not survive counts. */
  readonly attempt: number;
}

/** What messages that are handled in order have in common: a primitive value, since objects are never the same. */
export type ConsumeKey = string | number | bigint | boolean | symbol | null | undefined;

/** Settings of `consume`. */
export interface ConsumeSettings<Message = unknown> {
  /** How many messages are handled at a time. Default: 1; at most 1,000. */
  readonly concurrency?: number | undefined;
  /**
   * The key of a message: messages with the same key are handled one after the other. Without it, all messages are in
   * order if `concurrency` is 1, and none otherwise. A message whose key throws, or is a promise or another object,
   * becomes a dead letter.
   */
  readonly key?: ((message: Message) => ConsumeKey) | undefined;
  /** How often a message is tried before it becomes a dead letter. Default: 5. */
  readonly maxAttempts?: number | undefined;
  /** Milliseconds before the second attempt. Default: 100; each delay is twice the one before, up to 30 s. */
  readonly retryMs?: number | undefined;
}

/** A handler of durable messages. */
export interface DurableConsumer {
  /**
   * Stops delivery to this consumer. Resolves when its running handlers have settled; what failed then, and what it did
   * not get yet, goes to the next consumer, or to listeners.
   */
  stop(): Promise<void>;
}

/** A message that failed finally. */
export interface DeadLetter {
  /** The journal and the sequence of the message, separated by a dot. */
  readonly id: string;
  /** The sent data; its bytes if they could not be decoded. */
  readonly data: unknown;
  /** The error of the last attempt, with code and message. */
  readonly error: BusError;
  readonly attempts: number;
}

/** The messages that failed finally. They stay in the journal until they are retried or discarded. */
export interface DurableDeadLetters {
  /** All of them, the oldest first. Rejects with `ERR_STATE` while the journal is not open, or `ERR_JOURNAL`. */
  list(): Promise<DeadLetter[]>;
  /**
   * Handles a received message as if it had just arrived, with attempts counted from 1 again; sends a message again
   * that the peer refused. Rejects with `ERR_INVALID_ARGUMENT` for an unknown id, `ERR_STATE` and `ERR_JOURNAL`.
   */
  retry(id: string): Promise<void>;
  /** Removes it. Rejects as `retry`. */
  discard(id: string): Promise<void>;
}

/** What waits in a journal. */
export interface DurableBacklog {
  readonly messages: number;
  readonly bytes: number;
  /** Age of the oldest in milliseconds; 0 if nothing waits. */
  readonly oldestMs: number;
}

/** What a journal asks of the end that has it, to send to a peer. */
export interface DurableSender {
  /** Sends as an end without a journal does. */
  send(data: unknown, settings: SendSettings | undefined): Promise<void>;
  /** The value of what is to travel by a contract; all else as it is. */
  valueOf(data: unknown): unknown;
  /** Resolves when everything sent so far was delivered, even if it is not handled yet; or the session has ended. */
  arrived(): Promise<void>;
  /** Asks as an end without a journal does, as long as it takes; where this end asks durably. */
  request?(data: unknown): Promise<unknown>;
}

/** How a durable request is waited for. */
export interface DurableAskOptions {
  /** The same for each repetition of the request. */
  readonly key: string | undefined;
  /** undefined: no timeout. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What a journal asks of the end that has it, to have what comes heard. */
export interface DurableReceiver {
  /** Whether there is a listener for messages, or a `messages()` loop for those of this peer; it is undefined while it is away. */
  isHeard(peer: PeerHandle | undefined): boolean;
  /** Calls the listeners, and gives it to loops as an item of this many bytes. */
  hear(handling: Handling, data: unknown, bytes: number, peer: PeerHandle | undefined, context: DurableContext): void;
  /** A message became a dead letter, from that peer or to it, if that is here. */
  died(letter: DeadLetter, peer: PeerHandle | undefined): void;
  /** Whether somebody answers requests. */
  mayAsk(): boolean;
  /** Resolves with the answer, or rejects the error that is one. */
  ask(data: unknown, peer: PeerHandle | undefined, about: DurableRequestContext): Promise<unknown>;
  /** How long what a consumer has may keep the end from closing. */
  readonly closeTimeoutMs: number;
  /** The largest message that can come over a link. */
  readonly maxMessageBytes: number;
}

/** Handles messages; they are done when what it returns has resolved. */
export type Consume = (message: unknown, peer: PeerHandle | undefined, context: ConsumeContext) => unknown;

/** The durable messages that come to an end. */
export interface DurableReceipts {
  readonly deadLetters: DurableDeadLetters;
  /** There may be a listener now. */
  listen(): void;
  /** As `Server.consume`; of that peer alone, as long as its session lives, where one is given. */
  consume(handler: Consume, settings: object | undefined, peer?: PeerHandle): DurableConsumer;
  /** Nothing is heard until `resume`. */
  pause(): void;
  resume(): void;
}

/** What goes to one peer of an end that has a journal. */
export interface DurableSends {
  /** Without the journal, in order with what goes by it. */
  send(data: unknown, settings: SendSettings | undefined): Promise<void>;
  sendDurably(data: unknown, options: DurableSendOptions): Promise<void>;
  /** Resolves when those without the journal that wait behind others now have gone out, or never will. */
  gone(): Promise<void>;
}

/** What `durable` without a journal rejects with. */
export function withoutJournal(): Promise<never> {
  return failing(() => {
    const text =
      '`durable` needs a journal at this end: the option `journal`, as in new Client({ journal: journal(folder) })';
    return new BusError('ERR_INVALID_ARGUMENT', text);
  });
}

/** Sends as `settings` say. Rejects with what either way rejects with, or `ERR_INVALID_ARGUMENT`. */
export function sendBy(
  sends: DurableSends | undefined,
  data: unknown,
  settings: SendSettings | undefined,
): Promise<void> {
  if (sends === undefined) return withoutJournal();
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
export interface ClientJournal extends DurableSends {
  readonly receipts: DurableReceipts;
  request(data: unknown, options: DurableAskOptions): Promise<unknown>;
  backlog(): Promise<DurableBacklog>;
  /** Whether the server has a journal too. */
  readonly reachesJournal: boolean;
  close(): Promise<void>;
}

/** What waits for one client. */
export interface PeerBacklog extends DurableBacklog {
  /** The id of the client's journal: the `journal` of its connections. */
  readonly id: string;
}

/** What a journal asks of a server, to send to one client. */
export interface ClientSender extends DurableSender {
  /** Messages of the client are delivered from now on, even if its `connect` listeners are still running. */
  welcomed(): void;
}

/** What goes to one client of a server that has a journal. */
export interface ClientSends extends DurableSends {
  /** The id of the client's journal; undefined where it has none, or has not said so yet. */
  readonly journal: string | undefined;
  /** As `gone`, but resolves after `ms` too, and when the link is lost. undefined where there is nothing to wait for. */
  finish(ms: number): Promise<void> | undefined;
}

/** The durable messages that come to a server. */
export interface ServerReceipts extends DurableReceipts {
  /**
   * Those from one client and to it: that of the journal that `of` tells. It is undefined while none is known, and throws
   * after the session.
   */
  deadLettersOf(of: () => string | undefined): DurableDeadLetters;
  /** Durable messages of this client are not accepted until `resumeOf`. */
  pauseOf(peer: PeerHandle): void;
  resumeOf(peer: PeerHandle): void;
  /** Tells the next process that the folder is about to be free. */
  leave(): void;
  /** The next start replaces a server that has the folder and is about to release it. */
  takeOver(): void;
}

/** The journal of a server. */
export interface ServerJournal {
  readonly receipts: ServerReceipts;
  /** For a connection, as long as that lasts. */
  sendsTo(peer: PeerHandle, sender: ClientSender): ClientSends;
  /** Of each client for which something waits. */
  backlog(): Promise<PeerBacklog[]>;
  /** Drops what waits for the client with this journal; resolves with the number of messages. */
  forget(id: string): Promise<number>;
  close(): Promise<void>;
}
