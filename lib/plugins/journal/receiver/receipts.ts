import { BusError } from '../../../base/errors.ts';
import { resolveOptions } from '../../../base/options.ts';
import { withinTime } from '../../../base/wait.ts';
import type {
  Consume,
  DurableConsumer,
  DurableDeadLetters,
  DurableReceiver,
  Lane,
  LaneRequestContext,
  PeerHandle,
  PluginHost,
  ServerReceipts,
} from '../../../bus/plugin.ts';
import { reasonOf } from '../format/dead-letter-record.ts';
import {
  type AnswerMessage,
  heardQuestion,
  leaveQuestion,
  readAsk,
  readOpening,
  type Refused,
} from '../format/lane-messages.ts';
import { InboxLog } from '../inbox/inbox-log.ts';
import { type JournalOwner, senderOwnerOf } from '../inbox/sender-owner.ts';
import type { Sender } from '../inbox/senders.ts';
import type { ResolvedLogOptions } from '../log/log-options.ts';
import { consumerTable } from './consumer-options.ts';
import type { Consumption } from './consumer.ts';
import { Deliveries } from './deliveries.ts';
import { Intake } from './intake.ts';
import { LetterBox } from './letter-box.ts';

interface Open {
  readonly inbox: InboxLog;
  readonly intake: Intake;
  readonly deliveries: Deliveries;
}

/** Who learns of it. */
export interface ReceiptsEvents {
  /** The folder is about to be opened, which it is not where this rejects. */
  opens?(): Promise<void>;
  /** The folder is open. */
  begun?(): Promise<void>;
  /** The peer speaks for a journal that it sends by. */
  opened?(peer: PeerHandle, folder: string): void;
  /** A message that the peer with that journal refused is to be sent to it again. */
  resend(folder: string, body: Uint8Array): Promise<void>;
}

export interface ReceiptsOptions {
  readonly host: PluginHost;
  readonly lane: Lane;
  readonly receiver: DurableReceiver;
  readonly folder: string;
  readonly log: ResolvedLogOptions;
  readonly answerTtlMs: number;
  readonly owner?: JournalOwner | undefined;
  readonly events: ReceiptsEvents;
}

/** What comes to one end durably: written down, acknowledged, then heard. */
export class Receipts implements ServerReceipts {
  readonly #options: ReceiptsOptions;
  #opening: Promise<Open> | undefined;
  #closing: Promise<void> | undefined;
  #isClosed = false;
  #open: Open | undefined;
  /** Those of one peer alone, by it; those of all by `undefined`. */
  readonly #consumptions = new Map<PeerHandle | undefined, Consumption>();
  /** Those whose messages are not to come in now. */
  readonly #paused = new Set<PeerHandle>();
  /** Ends the wait of the next start for an end that has the folder and is about to release it. */
  #heir: AbortController | undefined;
  #isPaused = false;

  constructor(options: ReceiptsOptions) {
    const { host } = options;
    this.#options = options;
    host.onStart(async () => {
      const opening = this.start();
      const heir = this.#heir;
      if (heir === undefined) await opening;
      else opening.catch((error: unknown) => (heir.signal.aborted ? undefined : host.report(error)));
    });
    host.onLink((peer, up) => {
      this.#open?.intake.linked(peer, up);
    });
    host.onDisconnect((peer) => {
      this.#open?.inbox.senders.over(peer);
      if (this.#consumptions.delete(peer)) void this.#open?.deliveries.stopConsuming(peer);
      if (this.#paused.has(peer)) this.resumeOf(peer);
    });
  }

  /** There may be a listener now. */
  listen(): void {
    this.#open?.deliveries.wake();
  }

  /** Nothing is heard until `resume`. */
  pause(): void {
    this.#isPaused = true;
    this.#open?.deliveries.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#open?.deliveries.resume();
  }

  /** Messages of this peer are not accepted until `resumeOf`. */
  pauseOf(peer: PeerHandle): void {
    this.#paused.add(peer);
  }

  resumeOf(peer: PeerHandle): void {
    this.#paused.delete(peer);
    this.#open?.intake.resume();
  }

  /** What is in its folder, and what waits for room in it; zeros while it is not open. */
  counts(): Readonly<Record<'segments' | 'bytes' | 'deadLetters' | 'heldBytes', number>> {
    const { inbox: { log, deadLetters } = {}, intake } = this.#open ?? {};
    return {
      segments: log?.segments.length ?? 0,
      bytes: log?.bytes ?? 0,
      deadLetters: deadLetters?.size ?? 0,
      heldBytes: intake?.heldBytes ?? 0,
    };
  }

  /** Tells the next owner that the folder is about to be free. */
  leave(): void {
    this.#open?.inbox.log.leave();
  }

  /** The next start replaces an end that has the folder and is about to release it. */
  takeOver(): void {
    this.#heir = new AbortController();
  }

  /** The id of the journal by which this peer sends; undefined where there is none. */
  journalOf(peer: PeerHandle): string | undefined {
    return this.#senderOf(peer)?.folder;
  }

  /** Answers what a sender asks on the lane. */
  async asked(data: unknown, { peer, signal }: LaneRequestContext): Promise<unknown> {
    if (data === heardQuestion) return this.#open?.intake.heardOf(peer);
    if (data === leaveQuestion) return this.#open?.inbox.senders.leave(peer);
    const question = readAsk(data);
    if (question !== undefined) return this.#open?.intake.ask(peer, question);
    const opening = readOpening(data);
    if (opening === undefined) throw new BusError('ERR_PROTOCOL', 'A journal is opened with its ids');
    if (this.#opening === undefined) throw new BusError('ERR_UNAVAILABLE', 'The journal is closed');
    const { inbox, intake } = await this.#opening;
    const owner = await senderOwnerOf(peer, this.#options.owner);
    // Its session may be over by now; nobody would learn of that a second time.
    signal.throwIfAborted();
    const opened = intake.open(peer, opening, owner);
    // What is about to be written counts as here, but may be lost with this process: nobody releases it before it is.
    await inbox.log.pending;
    this.#options.events.opened?.(peer, opening[0]);
    // What waits of it may be for a consumer of it alone.
    this.#open?.deliveries.wake();
    return opened;
  }

  /** What a sender has sent on the lane. */
  take(data: unknown, peer: PeerHandle): void {
    this.#open?.intake.take(data, peer);
  }

  /** A sender has the answer of a request. */
  got(id: string, peer: PeerHandle): void {
    this.#open?.intake.got(peer, id);
  }

  /** Of that peer alone, as long as its session lives, where one is given. */
  consume(handler: Consume, given: object | undefined, peer?: PeerHandle): DurableConsumer {
    if (typeof handler !== 'function') throw new BusError('ERR_INVALID_ARGUMENT', 'consume takes a function');
    const options = resolveOptions('consume()', consumerTable, given);
    if (this.#consumptions.has(peer)) throw new BusError('ERR_STATE', 'There is a consumer already');
    const consumption = { handle: handler, options };
    this.#consumptions.set(peer, consumption);
    this.#open?.deliveries.consume(consumption, peer);
    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      if (this.#consumptions.get(peer) !== consumption) return;
      await this.#open?.deliveries.stopConsuming(peer);
      this.#consumptions.delete(peer);
    };
    return { stop: () => (stopping ??= stop()) };
  }

  readonly deadLetters: DurableDeadLetters = this.deadLettersOf();

  /** From the peer that has this folder, and to it, where one is given; `of` throws where its session is over. */
  deadLettersOf(of?: () => string | undefined): DurableDeadLetters {
    return new LetterBox({
      begun: async () => (await this.begun()).inbox,
      revived: () => this.#open?.deliveries.wake(),
      resend: (folder, body) => this.#options.events.resend(folder, body),
      of,
    });
  }

  /** Keeps a message that the peer with that journal refused permanently, and reports it. */
  async bury(folder: string, { journal, sequence, body }: Refused, error: BusError): Promise<void> {
    const mark = { isSent: true, folder, journal, sequence, attempts: 1, ...reasonOf(error) };
    const { inbox } = await this.begun();
    const letter = await inbox.deadLetters.add(mark, body);
    this.#options.receiver.died(letter, inbox.senders.peerOf(folder));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #close(): Promise<void> {
    const opening = this.#opening;
    this.#isClosed = true;
    this.#heir?.abort();
    this.#heir = undefined;
    if (opening === undefined) return;
    const open = await opening.catch(() => undefined);
    this.#opening = this.#open = undefined;
    if (open === undefined) return;
    const { inbox, intake, deliveries } = open;
    intake.end();
    // What handlers have begun with would be begun with again by the next process.
    deliveries.pause();
    const { clock } = this.#options.host;
    const { closeTimeoutMs } = this.#options.receiver;
    await withinTime(clock, closeTimeoutMs, deliveries.settled());
    deliveries.end();
    await inbox.log.close();
  }

  /** As `start`; rejects with `ERR_STATE` from `close` on. */
  async begun(): Promise<Open> {
    if (this.#isClosed) throw new BusError('ERR_STATE', 'The journal is not open');
    return this.start();
  }

  #senderOf(peer: PeerHandle): Sender | undefined {
    return this.#open?.inbox.senders.of(peer);
  }

  /** Opens it, unless it is open. */
  start(): Promise<Open> {
    this.#isClosed = false;
    this.#opening ??= this.#opened().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #opened(): Promise<Open> {
    const { host, lane, receiver, folder, log, answerTtlMs, owner, events } = this.#options;
    const { clock } = host;
    const report = (error: unknown, peer?: PeerHandle): void => host.report(error, peer);
    const signal = this.#heir?.signal;
    await events.opens?.();
    const inbox = await InboxLog.open(folder, log, clock, signal && { signal, late: report }, owner !== undefined);
    for (const damage of inbox.log.damages) report(damage);
    await events.begun?.();
    const tell = async (peer: PeerHandle, message: AnswerMessage): Promise<void> => lane.send(peer, message);
    const deliveries = new Deliveries({ inbox, receiver, clock, answerTtlMs, tell, report });
    if (this.#isPaused) deliveries.pause();
    for (const [peer, consumption] of this.#consumptions) deliveries.consume(consumption, peer);
    deliveries.run().catch((error: unknown) => report(inbox.unreadable(error)));
    this.#open = {
      inbox,
      intake: new Intake({
        inbox,
        deliveries,
        lane,
        clock,
        maxMessageBytes: receiver.maxMessageBytes,
        paused: this.#paused,
        report,
      }),
      deliveries,
    };
    return this.#open;
  }
}
